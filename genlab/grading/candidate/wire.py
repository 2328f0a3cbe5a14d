"""How the examiner and a candidate talk: frames of data. Never pickle.

A frame is two lengths, a message and a row of bytes. The message, in msgpack, is a list of names and values
in turn. In it a number, a text, bytes, a list, a truth value or None stands for itself; anything else is a
map ``{tag: content}``, and an array points into the row of bytes. encode.py makes frames, decode.py reads
them.
"""

import struct

MAX_MESSAGE = 8 * 2**20  # bytes of a frame's message
MAX_BYTES = 256 * 2**20  # bytes of its arrays
LENGTHS = struct.Struct("<II")


class WireError(Exception):
    """Something cannot cross, or what came is no frame; the message says what and why."""


def lengths(head: bytes) -> tuple[int, int]:
    """Read a frame's lengths, of the message and of the row of bytes.

    Raises:
        WireError: they exceed what a frame may hold.
    """
    message, blobs = LENGTHS.unpack(head)
    if message > MAX_MESSAGE or blobs > MAX_BYTES:
        raise WireError("what came is too large")
    return message, blobs
