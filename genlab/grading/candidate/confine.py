"""Shut a process in: namespaces and a file system of its own, no privileges, no odd system calls, limits.

Linux only. What CPython has no function for is called in libc.
"""

import ctypes
import fcntl
import os
import platform
import resource
import stat
import struct
from collections.abc import Iterable, Mapping

_libc = ctypes.CDLL(None, use_errno=True)

_NEW_NAMESPACES = {
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "mount": 0x00020000,
}
_ALL_NEW = sum(_NEW_NAMESPACES.values())
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC = 32, 4096, 16384
_LARGE, _MADV_COLLAPSE, _PROT_READ_WRITE = 2**21, 25, 3
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 22, 36, 38


def unshare() -> None:
    """Enter new namespaces of every kind, with devices that stay as they are.

    The next child is process 1 of its own.

    Raises:
        OSError: the machine does not allow it.
    """
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(_ALL_NEW))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _freeze_devices()


def _freeze_devices() -> None:
    """Have the machine's devices keep their time stamps, which anybody may set to now, and all may read."""
    for path in (f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")):
        kept = os.statvfs(path).f_flag & (_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        _check(_libc.mount(None, path.encode(), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept, None))


def mount_empty(path: str, size: int, writable: bool = True, keep: Iterable[str] = ()) -> None:
    """Put an empty file system of this many bytes, in memory, over a folder, but for these folders in it."""
    kept = {folder: os.open(folder, os.O_PATH) for folder in keep}
    flags = _MS_NOSUID | _MS_NODEV | (0 if writable else _MS_RDONLY)
    options = f"size={size},nr_inodes={max(16, size // 4096)},mode=0777"
    _check(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options.encode()))
    for folder, file in kept.items():
        os.makedirs(folder)
        source = f"/proc/self/fd/{file}".encode()
        _check(_libc.mount(source, folder.encode(), None, _MS_BIND | _MS_REC, None))
        os.close(file)


def open_again() -> None:
    """Open anew what is open, such as fonts: place and flags are shared by all who got a file by a fork."""
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            mode = os.fstat(number).st_mode
        except OSError:  # it was the listing's own
            continue
        if stat.S_ISREG(mode) or stat.S_ISCHR(mode):
            flags = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
            fresh = os.open(f"/proc/self/fd/{number}", flags)
            if stat.S_ISREG(mode):
                os.lseek(fresh, os.lseek(number, 0, os.SEEK_CUR), os.SEEK_SET)
            os.dup2(fresh, number, os.get_inheritable(number))
            os.close(fresh)


def mount_terminals() -> None:
    """Have terminals of one's own, which nobody else can open."""
    options = b"newinstance,ptmxmode=0666,mode=0620,max=16"
    _check(_libc.mount(b"devpts", b"/dev/pts", b"devpts", _MS_NOSUID | _MS_NOEXEC, options))


def undumpable(on: bool = True) -> None:
    """Let no other process of the same user look into this one."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, int(not on), 0, 0, 0))


def adopt_orphans() -> None:
    """Become the parent of whatever process among this one's descendants loses its own."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def limit(limits: Mapping[str, int]) -> None:
    """Set resource limits, hard, by their names in resource ("as" for RLIMIT_AS, ...)."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name.upper()}")
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))


def drop_privileges() -> None:
    """Give up every capability, the means to gain one, and the system calls that no course needs."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    version_3 = 0x20080522
    _check(_libc.capset(struct.pack("II", version_3, 0), struct.pack("6I", *[0] * 6)))
    if platform.machine() in _DENIED and struct.calcsize("P") == 8:
        program = _filter(platform.machine())
        code = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
        _check(_libc.prctl(_PR_SET_SECCOMP, 2, header, 0, 0))


# Ways to look into other processes, to watch the files that all read and what the kernel logs, to change what
# is mounted, to load code into the kernel, and parts of the kernel in which holes were found again and again.
# From 424 on, all architectures have the same numbers.
# io_uring, new ways to mount, pidfd_getfd, process_madvise, mount_setattr, memfd_secret
_EVERYWHERE = [*range(425, 434), 438, 440, 442, 447]
_DENIED = {
    "x86_64": """
        ptrace 101 process_vm_readv 310 process_vm_writev 311 kcmp 312 unshare 272 setns 308
        mount 165 umount2 166 pivot_root 155 chroot 161 add_key 248 request_key 249 keyctl 250
        bpf 321 perf_event_open 298 userfaultfd 323 init_module 175 finit_module 313
        delete_module 176 kexec_load 246 kexec_file_load 320 name_to_handle_at 303
        open_by_handle_at 304 quotactl 179 swapon 167 swapoff 168 reboot 169 acct 163
        personality 135 syslog 103 inotify_add_watch 254 fanotify_init 300
    """,
    "aarch64": """
        ptrace 117 process_vm_readv 270 process_vm_writev 271 kcmp 272 unshare 97 setns 268
        mount 40 umount2 39 pivot_root 41 chroot 51 add_key 217 request_key 218 keyctl 219 bpf 280
        perf_event_open 241 userfaultfd 282 init_module 105 finit_module 273 delete_module 106
        kexec_load 104 kexec_file_load 294 name_to_handle_at 264 open_by_handle_at 265 quotactl 60
        swapon 224 swapoff 225 reboot 142 acct 89 personality 92
        syslog 116 inotify_add_watch 27 fanotify_init 262
    """,
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_CLONE3 = 435
_FCNTL, _F_NOTIFY = {"x86_64": 72, "aarch64": 25}, 1026  # the older way to watch a folder
# Of sockets: Unix, internet and netlink, which the namespaces hold in. Others they may not.
_FAMILIES = [1, 2, 10, 16]


def _filter(machine: str) -> bytes:
    """A program for the kernel's filter of system calls."""
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    number, architecture, first_argument, second_argument = 0, 4, 16, 24
    allow, not_permitted, not_there, no_family = 0x7FFF0000, 0x00050001, 0x00050026, 0x00050061

    def step(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, k)

    lines = [step(load, architecture), step(equal, _ARCHITECTURE[machine], 1, 0), step(give, not_permitted)]
    lines += [step(load, number), step(at_least, 0x40000000, 0, 1), step(give, not_permitted)]
    for call in [*_EVERYWHERE, *map(int, _DENIED[machine].split()[1::2])]:
        lines += [step(equal, call, 0, 1), step(give, not_permitted)]
    lines += [step(equal, _CLONE3, 0, 1), step(give, not_there)]  # libc falls back to clone
    lines += [step(equal, _FCNTL[machine], 0, 4), step(load, second_argument)]
    lines += [step(equal, _F_NOTIFY, 0, 1), step(give, not_permitted), step(load, number)]
    lines += [step(equal, _CLONE[machine], 0, 3), step(load, first_argument), step(any_bit, _ALL_NEW, 0, 1)]
    lines += [
        step(give, not_permitted),
        step(load, number),
        step(equal, _SOCKET[machine], 0, len(_FAMILIES) + 2),
    ]
    lines += [step(load, first_argument)]
    lines += [step(equal, family, len(_FAMILIES) - i, 0) for i, family in enumerate(_FAMILIES)]
    lines += [step(give, no_family), step(give, allow)]
    return b"".join(lines)


def ease_forks() -> None:
    """Have a fork copy less: memory in pages of 2 MB where it fills them, a library in fewer pieces.

    A system that cannot leaves all as it is.
    """
    with open("/proc/self/maps") as file:
        mappings = [line.split() for line in file]
    for place, flags, _, _, inode, *name in mappings:
        start, end = _ends(place)
        start, end = -(-start // _LARGE) * _LARGE, end // _LARGE * _LARGE
        if flags == "rw-p" and inode == "0" and name in ([], ["[heap]"]) and start < end:
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)
    # The loader has made a part of each library's data read-only: writable, it is one mapping with the rest.
    for constants, part, rest in zip(mappings, mappings[1:], mappings[2:], strict=False):
        used = constants[1], part[1], rest[1]
        if used == ("r--p", "r--p", "rw-p") and constants[5:] == part[5:] == rest[5:] != []:
            start, end = _ends(part[0])
            _libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _PROT_READ_WRITE)


def _ends(place: str) -> tuple[int, int]:
    start, end = place.split("-")
    return int(start, 16), int(end, 16)


def _check(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
