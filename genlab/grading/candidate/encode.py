"""Values put into frames; see wire.py."""

import dataclasses
import functools
import re
from collections.abc import Callable, Container, Iterable, KeysView, Mapping, ValuesView
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgpack
import numpy as np

from .table import MUTABLE, Table
from .wire import LENGTHS, MAX_BYTES, MAX_MESSAGE, WireError

MAX_DEPTH = 60
_DTYPE = re.compile(r"[<>|][biufcSUmM][1-9]\d{0,6}(\[\w{1,8}\])?")


class _Shared(Exception):
    """What is given away holds something twice."""


class Frame:
    """Encodes one message.

    Args:
        table: what both sides hold.
        refer: called with an object that is no data; returns its tag and content, or raises WireError.
        known: classes whose objects are no data, whatever they derive from.
    """

    def __init__(
        self, table: Table, refer: Callable[[Any], dict[str, Any]], known: Container[type] = ()
    ) -> None:
        self.table = table
        self.refer = refer
        self.known = known
        self.blobs: list[bytes] = []
        self.size = 0
        self.given: set[int] | None = None  # the ids of what is given away
        self.mentioned: list[int] = []

    def changes(self, numbers: Iterable[int]) -> list[Any]:
        """Encode what became of those objects that changed."""
        return [[n, self._content(self.table[n], 0)] for n in self.table.changed(numbers)]

    def finish(self, message: dict[str, Any]) -> bytes:
        """Put the message, whose values were encoded, into bytes."""
        items = [part for item in message.items() for part in item]
        text = msgpack.packb(items, unicode_errors="surrogatepass")
        if len(text) > MAX_MESSAGE or self.size > MAX_BYTES:
            raise WireError("it is too large")
        return b"".join([LENGTHS.pack(len(text), self.size), text, *self.blobs])

    def result(self, value: Any) -> Any:
        """Encode a value that one side gives away: nobody will ask what has become of it.

        So its parts need no numbers, unless one comes twice: two names of one list are not two lists.
        """
        start, many, self.given = self.size, len(self.blobs), set()
        try:
            return self.encode(value)
        except _Shared:
            self.given = None
            self.size, self.blobs[many:] = start, []
            return self.encode(value)
        finally:
            self.given = None

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Encode a value.

        Raises:
            WireError: it is no data, nests too deeply, or contains itself.
        """
        kind = type(value)
        if value is None or kind in (bool, float, str, bytes):
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else {"i": hex(value)}
        if depth > MAX_DEPTH:
            raise WireError("it nests too deeply, or contains itself")
        if self.known and any(base in self.known for base in kind.__mro__):
            return self.refer(value)
        if isinstance(value, MUTABLE):
            number = self.table.numbers.get(id(value))
            if number is not None:
                self.mentioned.append(number)
                return {"y": number}
            if self.given is None:
                content = self._content(value, depth + 1)
                return {"x": [self.table.add(value), content]}
            if id(value) in self.given:
                raise _Shared
            self.given.add(id(value))
        return self._content(value, depth + 1)

    def _content(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), depth)
        if isinstance(value, np.generic):
            return {"n": self._array(np.asarray(value), depth)}
        if isinstance(value, list):
            return [self.encode(item, depth) for item in value]
        for kind, tag in ((tuple, "t"), (set, "s"), (frozenset, "f")):
            if isinstance(value, kind):
                return {tag: [self.encode(item, depth) for item in value]}
        if isinstance(value, (dict, Mapping)):  # the second is slow to ask
            return {"d": [[self.encode(k, depth), self.encode(v, depth)] for k, v in value.items()]}
        if isinstance(value, (int, float, str, bytes)):  # of a subclass
            plain: Any = next(kind for kind in (int, float, str, bytes) if isinstance(value, kind))
            return self.encode(plain(value), depth)
        if isinstance(value, bytearray):
            return {"b": bytes(value)}
        if isinstance(value, (Fraction, Decimal)):
            return float(value)
        if isinstance(value, complex):
            return {"c": [value.real, value.imag]}
        if isinstance(value, (range, slice)):
            parts = [self.encode(part, depth) for part in (value.start, value.stop, value.step)]
            return {type(value).__name__: parts}
        if value is Ellipsis:
            return {"e": 0}
        if value is NotImplemented:
            return {"N": 0}
        if isinstance(value, np.random.Generator):
            return self._generator(value.bit_generator.state, depth)
        if isinstance(value, np.random.RandomState):
            return {"G": self.encode(_plain(value.get_state(legacy=False)), depth)}
        if dataclasses.is_dataclass(value) and type(value).__module__.startswith("genlab.models."):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {"m": [type(value).__module__, type(value).__name__, self.encode(fields, depth)]}
        if isinstance(value, (KeysView, ValuesView)):
            return self._content(list(value), depth)
        if not isinstance(value, type) and hasattr(type(value), "__array__"):
            return self._array(np.asarray(value), depth)
        return self.refer(value)

    def _generator(self, state: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if state["bit_generator"] != "PCG64":
            return {"g": self.encode(_plain(state), depth)}
        words = [hex(word) for word in state["state"].values()]  # of 128 bits
        return {"p": [*words, state["has_uint32"], state["uinteger"]]}

    def _array(self, array: np.ndarray, depth: int) -> dict[str, Any]:
        if array.dtype.kind == "O":
            items = [self.encode(item, depth) for item in array.ravel()]
            return {"o": [array.shape, items]}
        if not crosses(array.dtype.str):
            raise WireError(f"an array of dtype {array.dtype} cannot cross")
        start, self.size = self.size, self.size + array.nbytes
        if self.size > MAX_BYTES:
            raise WireError("it is too large")
        self.blobs.append(array.tobytes())
        return {"a": [array.dtype.str, array.shape, start, array.flags.writeable]}


@functools.lru_cache(100)
def crosses(dtype: str) -> bool:
    """Say whether arrays of this type, as NumPy names it, may cross."""
    return _DTYPE.fullmatch(dtype) is not None


def _plain(state: Any) -> Any:
    return {k: _plain(v) for k, v in state.items()} if isinstance(state, Mapping) else state
