"""What stands, in the examiner, for the student's functions and classes: calls go to the candidate's copy."""

import operator
from collections.abc import Callable
from typing import Any

from genlab.grading.snapshot import UNREADABLE, Snapshot

_UNARY = (
    "len str repr iter next bool int float index complex neg pos abs invert hash enter reversed round floor"
)
_BINARY = """add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift
    radd rsub rmul rtruediv rfloordiv rmod rdivmod rpow rmatmul rand ror rxor
    iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor"""
_COMPARISONS = "eq ne lt le gt ge"
_OTHERS = "getitem setitem delitem contains call exit"
_NUMBERS = "bool int float index complex abs round floor ceil"


def function(snapshot: Callable[[], Snapshot], key: Any, name: str, doc: str) -> Callable[..., Any]:
    """A function that calls the student's.

    Args:
        snapshot: gives the candidate's copy that is asked now.
        key: what the copy knows the function by.
        name: its name.
        doc: its docstring.
    """

    def stand_in(*args: Any, **options: Any) -> Any:
        return snapshot().call(key, args, options)

    stand_in.__name__ = stand_in.__qualname__ = name
    stand_in.__module__ = "__main__"
    stand_in.__doc__ = doc.replace(">>>", ">>>!") or None  # which doctest refuses, and so runs none of it
    # Else inspect would show this source in place of the student's, which the examiner does not have.
    stand_in.__code__ = stand_in.__code__.replace(co_filename="<the student's code>")
    vars(stand_in)["stands_for"] = key
    return stand_in


class Items:
    """An iterator of the student's."""

    def __init__(self, snapshot: Callable[[], Snapshot], key: Any) -> None:
        self.snapshot = snapshot
        self.stands_for = key

    def __iter__(self) -> "Items":
        return self

    def __next__(self) -> Any:
        return self.snapshot().ask("next", self.stands_for)


class Kind(type):
    """The type of a class that stands for one of the student's: to call it makes an instance there."""

    snapshot: Callable[[], Snapshot]
    stands_for: Any

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls.snapshot().call(cls.stands_for, args, options)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or name in ("snapshot", "stands_for"):
            raise AttributeError(name)
        return cls.snapshot().ask("get", cls.stands_for, name=name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            cls.snapshot().set(cls.stands_for, name, value)


class Instance(metaclass=Kind):
    """An object of one of the student's classes.

    It may not pass for a number. Compared with anything but another such object, it is different. An
    operation with anything else must give another such object, and what that is worth as a number stays open.
    Of a class that the test does not mention, no special method is used.
    """

    mixed = False  # the result of an operation with something of the test's

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(
                name
            )  # NumPy and the like ask for what would let an object answer for itself
        return type(self).snapshot().ask("get", self.stands_for, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        type(self).snapshot().set(self.stands_for, name, value)


def instance(kind: Any, key: Any) -> Any:
    """An object of a class that stands for one of the student's."""
    made: Any = object.__new__(kind)
    object.__setattr__(made, "stands_for", key)
    return made


def kind(
    snapshot: Callable[[], Snapshot], key: Any, name: str, bases: tuple[type, ...], special: list[str]
) -> type:
    """A class that stands for one of the student's.

    Args:
        snapshot: gives the candidate's copy that is asked now.
        key: what the copy knows the class by.
        name: its name.
        bases: stand-ins for those of its bases that stand-ins exist for.
        special: the special methods that it defines.
    """
    members: dict[str, Any] = {"snapshot": staticmethod(snapshot), "stands_for": key}
    for names, make in (
        (_UNARY + " " + _OTHERS, _method),
        (_BINARY, _operation),
        (_COMPARISONS, _comparison),
    ):
        if not any(issubclass(base, Exception) for base in bases):  # those hold their text themselves
            members |= {f"__{n}__": make(f"__{n}__") for n in names.split() if f"__{n}__" in special}
    if "__eq__" in members and "__hash__" not in members:
        members["__hash__"] = None
    return Kind(name, bases or (Instance,), members)


def _plays(self: Any, as_number: bool = False) -> None:
    """Refuse an object that may have been put in the place of a number."""
    snapshot = type(self).snapshot()
    if type(self).__name__ not in snapshot.mentioned or (as_number and self.mixed):
        snapshot.give_up(
            UNREADABLE, f"an object of {type(self).__name__} was used where the test expects none"
        )


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        _plays(self, name.strip("_") in _NUMBERS.split())
        return type(self).snapshot().call(self.stands_for, args, options, name)

    return method


def _operation(name: str) -> Callable[..., Any]:
    def operation(self: Any, other: Any) -> Any:
        _plays(self)
        result = type(self).snapshot().call(self.stands_for, (other,), {}, name)
        if isinstance(other, Instance) or result is NotImplemented:
            return result
        if isinstance(result, Instance):
            object.__setattr__(result, "mixed", True)
            return result
        return (
            type(self).snapshot().give_up(UNREADABLE, f"{name} of {type(self).__name__} gave a plain value")
        )

    return operation


def _comparison(name: str) -> Callable[..., Any]:
    def comparison(self: Any, other: Any) -> Any:
        if not isinstance(other, Instance):
            return NotImplemented
        _plays(self)
        if self is other and name in ("__eq__", "__ne__"):
            return getattr(operator, name)(1, 1)
        return type(self).snapshot().call(self.stands_for, (other,), {}, name)

    return comparison
