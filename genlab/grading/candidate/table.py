"""What both sides of a call hold: the objects that may change while it lasts."""

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np

RANDOM = (np.random.Generator, np.random.RandomState)
MUTABLE = (np.ndarray, list, dict, set, bytearray, *RANDOM)
_PLAIN = (bool, int, float, str, bytes)


class Table:
    """The objects that both sides hold while a call lasts: what one side changes, the other must see.

    Args:
        first: the first number to give; the two sides give even and odd ones.
    """

    def __init__(self, first: int) -> None:
        self.next = first
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.seen: dict[int, Any] = {}

    def __getitem__(self, number: int) -> Any:
        return self.objects[number]

    def __setitem__(self, number: int, value: Any) -> None:
        self.objects[number] = value
        self.numbers[id(value)] = number
        self.seen[number] = _look(value)

    def add(self, value: Any) -> int:
        """Give an object a number."""
        number, self.next = self.next, self.next + 2
        self[number] = value
        return number

    def level(self) -> "Level":
        """Forget, at the end of the block, what was added in it."""
        return Level(self)

    def changed(self, numbers: Iterable[int]) -> list[int]:
        """Of these numbers, those whose objects have changed since the other side last saw them."""
        found = []
        for number in numbers:
            look = _look(self.objects[number])
            if not _same(look, self.seen[number]):
                self.seen[number] = look
                found.append(number)
        return found

    def generators(self) -> list[int]:
        """The numbers of the random generators."""
        return [n for n, value in self.objects.items() if isinstance(value, RANDOM)]

    def change(self, number: int, value: Any) -> None:
        """Make an object what the other side has made of it."""
        mine = self.objects[number]
        if isinstance(mine, np.ndarray):
            mine[...] = value
        elif isinstance(mine, (list, bytearray)):
            mine[:] = value
        elif isinstance(mine, np.random.Generator):
            mine.bit_generator.state = value.bit_generator.state
        elif isinstance(mine, np.random.RandomState):
            mine.set_state(value.get_state(legacy=False))
        else:
            mine.clear()
            mine.update(value)
        self.seen[number] = _look(mine)


class Level:
    """What Table.level gives. (A generator would take twice the time, and there are thousands.)"""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __enter__(self) -> None:
        self.known = len(self.table.objects)

    def __exit__(self, *_: object) -> None:
        table = self.table
        for number in list(table.objects)[self.known :]:
            table.numbers.pop(id(table.objects.pop(number)), None)
            table.seen.pop(number, None)


def _look(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return list(value.ravel()) if value.dtype.kind == "O" else (value.shape, value.tobytes())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return repr(value.get_state(legacy=False))
    return [*value, *value.values()] if isinstance(value, dict) else list(value)


def _same(one: Any, other: Any) -> bool:
    """Whether two looks are of the same content; what changes inside an item is the item's own look."""
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(_one_item, one, other))
    return bool(one == other)


def _one_item(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in _PLAIN and bool(one == other))


def global_state() -> bytes:
    """The state of NumPy's global generator, read where it lies: to ask for it takes longer than a call."""
    generator: Any = np.random.get_bit_generator()  # type: ignore[attr-defined]
    address = generator.ctypes.state_address
    return ctypes.string_at(address, 625 * 4)  # of MT19937: 624 words and a position
