"""Values as data: how the examiner and a candidate talk. Never pickle.

A frame is two lengths, a text of JSON and a row of bytes. In the text, a number, a string, a truth value or
None stands for itself; anything else is ``{tag: content}``, and an array points into the row of bytes. What
is decoded consists of built-in types, arrays and generators of NumPy, whatever the other side sends.
"""

import dataclasses
import importlib
import json
import re
import struct
from collections.abc import Callable, Container, Iterable, KeysView, Mapping, ValuesView
from typing import Any

import numpy as np

from .table import MUTABLE, Table

MAX_TEXT = 8 * 2**20  # bytes of JSON in a frame
MAX_BYTES = 256 * 2**20  # bytes of arrays in a frame
MAX_DEPTH = 60
MAX_COLLISIONS = 1000  # of the keys of a set or dict
_LENGTHS = struct.Struct("<II")
_DTYPE = re.compile(r"[<>|][biufcSUmM]\d{1,7}(\[\w{1,8}\])?")


class WireError(Exception):
    """Something cannot cross, or what came is no frame; the message says what and why."""


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
        self.giving = False
        self.mentioned: list[int] = []

    def changes(self, numbers: Iterable[int]) -> list[Any]:
        """Encode what became of those objects that changed."""
        return [[n, self._content(self.table[n], 0)] for n in self.table.changed(numbers)]

    def finish(self, message: dict[str, Any]) -> bytes:
        """Put the message, whose values were encoded, into bytes."""
        text = json.dumps(message, separators=(",", ":")).encode()
        if len(text) > MAX_TEXT or self.size > MAX_BYTES:
            raise WireError("it is too large")
        return b"".join([_LENGTHS.pack(len(text), self.size), text, *self.blobs])

    def result(self, value: Any) -> Any:
        """Encode a value that one side gives away: nobody will ask what has become of it."""
        self.giving = True
        try:
            return self.encode(value)
        finally:
            self.giving = False

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Encode a value.

        Raises:
            WireError: it is no data, nests too deeply, or contains itself.
        """
        kind = type(value)
        if value is None or kind in (bool, float, str):
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
            content = self._content(value, depth + 1)
            return content if self.giving else {"x": [self.table.add(value), content]}
        return self._content(value, depth + 1)

    def _content(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), depth)
        if isinstance(value, np.generic):
            return {"n": self._array(np.asarray(value), depth)}
        for kind, tag in ((list, "l"), (tuple, "t"), (set, "s"), (frozenset, "f")):
            if isinstance(value, kind):
                return {tag: [self.encode(item, depth) for item in value]}
        if isinstance(value, Mapping):
            return {"d": [[self.encode(k, depth), self.encode(v, depth)] for k, v in value.items()]}
        if isinstance(value, (bool, int, float, str)):  # of a subclass
            return self.encode(
                next(base for base in (int, float, str) if isinstance(value, base))(value), depth
            )
        if isinstance(value, (bytes, bytearray)):
            return {"b": [self._blob(bytes(value)), isinstance(value, bytearray)]}
        if isinstance(value, complex):
            return {"c": [value.real, value.imag]}
        if isinstance(value, (range, slice)):
            parts = [self.encode(part, depth) for part in (value.start, value.stop, value.step)]
            return {type(value).__name__: parts}
        if value is Ellipsis:
            return {"e": 0}
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            if state["bit_generator"] == "PCG64":
                return {"p": [*state["state"].values(), state["has_uint32"], state["uinteger"]]}
            return {"g": self.encode(_plain(state), depth)}
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

    def _array(self, array: np.ndarray, depth: int) -> dict[str, Any]:
        if array.dtype.kind == "O":
            items = [self.encode(item, depth) for item in array.ravel()]
            return {"o": [list(array.shape), items]}
        if not _DTYPE.fullmatch(array.dtype.str):
            raise WireError(f"an array of dtype {array.dtype} cannot cross")
        data = self._blob(array.tobytes())
        return {"a": [array.dtype.str, list(array.shape), data, bool(array.flags.writeable)]}

    def _blob(self, data: bytes) -> list[int]:
        self.blobs.append(data)
        self.size += len(data)
        if self.size > MAX_BYTES:
            raise WireError("it is too large")
        return [self.size - len(data), len(data)]


class Reader:
    """Decodes the values of one message.

    Args:
        blobs: the frame's row of bytes.
        table: what both sides hold.
        resolve: called with a tag and content that are no data's; returns the object, or raises WireError.
    """

    def __init__(self, blobs: memoryview, table: Table, resolve: Callable[[str, Any], Any]) -> None:
        self.blobs = blobs
        self.table = table
        self.mentioned: list[int] = []
        self.resolve = resolve

    def decode(self, content: Any, depth: int = 0) -> Any:
        """Rebuild a value.

        Raises:
            WireError: the content is not what encode makes.
        """
        if content is None or type(content) in (bool, int, float, str):
            return content
        if type(content) is not dict or len(content) != 1 or depth > MAX_DEPTH:
            raise WireError("what came is not a value")
        ((tag, inner),) = content.items()
        try:
            return self._build(tag, inner, depth + 1)
        except WireError:
            raise
        except (
            TypeError,
            ValueError,
            LookupError,
            OverflowError,
            AttributeError,
            ImportError,
            MemoryError,
        ) as error:
            raise WireError(f"what came is not a value: {error}") from None

    def _build(self, tag: str, inner: Any, depth: int) -> Any:
        if tag == "x":
            number, value = inner[0], self.decode(inner[1], depth)
            if type(number) is not int or number in self.table.objects or not isinstance(value, MUTABLE):
                raise WireError("what came is not a value: its number is taken")
            self.table[number] = value
            self.mentioned.append(number)
            return value
        if tag == "a":
            return self._array(*inner)
        if tag == "p":
            generator = np.random.Generator(np.random.PCG64(0))
            state, increment, half, kept = map(int, inner)
            generator.bit_generator.state = {
                "bit_generator": "PCG64",
                "state": {"state": state, "inc": increment},
                "has_uint32": half,
                "uinteger": kept,
            }
            return generator
        if tag in ("l", "t", "s", "f"):
            items = [self.decode(item, depth) for item in inner]
            if tag in ("s", "f"):
                _spread(items)
            return {"l": list, "t": tuple, "s": set, "f": frozenset}[tag](items)
        if tag == "d":
            pairs = [(self.decode(k, depth), self.decode(v, depth)) for k, v in inner]
            _spread([k for k, _ in pairs])
            return dict(pairs)
        if tag == "o":
            shape, items = inner
            array = np.empty(len(items), object)
            for place, item in enumerate(items):
                array[place] = self.decode(item, depth)
            return array.reshape(_shape(shape))
        if tag == "n":
            (array,) = [self.decode(inner, depth)]
            return array[()] if array.shape == () else self.resolve(tag, inner)
        if tag == "y":
            self.mentioned.append(inner)
            return self.table[inner]
        if tag == "i":
            return int(inner, 16)
        if tag == "b":
            return (bytearray if inner[1] else bytes)(self._bytes(inner[0]))
        if tag == "c":
            return complex(*inner)
        if tag in ("range", "slice"):
            return (range if tag == "range" else slice)(*[self.decode(part, depth) for part in inner])
        if tag == "e":
            return Ellipsis
        if tag == "g":
            state = self.decode(inner, depth)
            generator = np.random.Generator(_bit_generator(state))
            generator.bit_generator.state = state
            return generator
        if tag == "G":
            return _random_state(self.decode(inner, depth))
        if tag == "m":
            return _model(inner[0], inner[1], self.decode(inner[2], depth))
        return self.resolve(tag, inner)

    def _array(self, dtype: Any, shape: Any, data: Any, writeable: Any) -> np.ndarray:
        flat = np.frombuffer(self._bytes(data), _dtype(dtype))
        if dtype[1] == "b":
            flat = flat.view("u1") != 0
        if dtype[1] == "U" and flat.size and flat.view("u4").max() > 0x10FFFF:
            raise WireError("what came is not a value: a text that is none")
        array = flat.reshape(_shape(shape)).copy()
        array.flags.writeable = writeable
        return array

    def _bytes(self, place: Any) -> memoryview:
        start, size = place
        if (
            type(start) is not int
            or type(size) is not int
            or not 0 <= start <= start + size <= len(self.blobs)
        ):
            raise WireError("what came is not a value: it points outside the frame")
        return self.blobs[start : start + size]


def parse(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Split a frame, without its lengths, into message and bytes.

    Raises:
        WireError: it is none.
    """
    size = int.from_bytes(data[:4], "little")
    try:
        message = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise WireError(f"what came is no message: {error}") from None
    if type(message) is not dict:
        raise WireError("what came is no message")
    return message, memoryview(data)[8 + size :]


def lengths(head: bytes) -> tuple[int, int]:
    """Read a frame's lengths, of text and of bytes.

    Raises:
        WireError: they exceed what a frame may hold.
    """
    text, blobs = _LENGTHS.unpack(head)
    if text > MAX_TEXT or blobs > MAX_BYTES:
        raise WireError("what came is too large")
    return text, blobs


def _spread(keys: list[Any]) -> None:
    """Refuse keys that were chosen to collide, for which a dict takes for ever."""
    if len(keys) - len(set(map(hash, keys))) > MAX_COLLISIONS:
        raise WireError("what came is not a value: its keys collide")


def _dtype(name: Any) -> np.dtype:
    if type(name) is not str or not _DTYPE.fullmatch(name):
        raise WireError(f"what came is not a value: dtype {name!r:.40}")
    return np.dtype(name)


def _shape(shape: Any) -> tuple[int, ...]:
    if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise WireError("what came is not a value: its shape is none")
    return tuple(shape)


_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def _bit_generator(state: Any) -> np.random.BitGenerator:
    name = state["bit_generator"]
    if name not in _BIT_GENERATORS:
        raise WireError("what came is not a value: no such bit generator")
    bit_generator: np.random.BitGenerator = getattr(np.random, name)(0)
    return bit_generator


def _random_state(state: Any) -> np.random.RandomState:
    random_state = np.random.RandomState(0)
    random_state.set_state(state)
    return random_state


def _plain(state: Any) -> Any:
    return {k: _plain(v) for k, v in state.items()} if isinstance(state, Mapping) else state


def _model(module: Any, name: Any, fields: Any) -> Any:
    if type(module) is not str or not re.fullmatch(r"genlab\.models\.\w+", module):
        raise WireError("what came is not a value: no such model")
    kind = getattr(importlib.import_module(module), name, None)
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise WireError("what came is not a value: no such model")
    return kind(**fields)
