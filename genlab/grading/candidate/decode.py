"""Frames turned into values again, whatever the other side sends; see wire.py.

What comes of them consists of built-in types, and of arrays and generators of NumPy.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

from .encode import crosses
from .table import MUTABLE, Table
from .wire import WireError, lengths

MAX_COLLISIONS = 1000  # of the keys of a set or dict
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_NOT_A_VALUE = (
    *(TypeError, ValueError, LookupError, OverflowError, AttributeError, ImportError),
    *(MemoryError, RecursionError, msgpack.UnpackException),
)


class _Seed(np.random.bit_generator.ISpawnableSeedSequence):
    """The seed of a generator that is given its state at once: a number would be hashed for that.

    What is spawned depends on the state, and takes a step, as only the state crosses.
    """

    bits: np.random.PCG64

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return np.zeros(n_words, dtype)

    def spawn(self, n_children: int) -> Any:
        state: Any = self.bits.state["state"]
        self.bits.advance(1)
        return np.random.SeedSequence(state["state"]).spawn(n_children)

    def __reduce__(self) -> Any:
        return np.random.SeedSequence, (self.bits.state["state"]["state"],)


class Reader:
    """Decodes one message.

    Args:
        table: what both sides hold.
        resolve: called with a tag and content that are no data's; returns the object, or raises WireError.
    """

    def __init__(self, table: Table, resolve: Callable[[str, Any], Any]) -> None:
        self.table = table
        self.resolve = resolve
        self.blobs = b""
        self.start = 0
        self.mentioned: list[int] = []

    def read(self, frame: bytes) -> dict[str, Any]:
        """Rebuild a message, with all values in it.

        Raises:
            WireError: it is not what Frame makes.
        """
        size, _ = lengths(frame[:8])
        self.blobs, self.start = frame, 8 + size
        try:
            items = msgpack.unpackb(
                memoryview(frame)[8 : self.start],
                object_hook=self._build,
                ext_hook=_refuse,
                timestamp=1,
                unicode_errors="surrogatepass",
            )
            if type(items) is not list:
                raise WireError("what came is no message")
            return dict(zip(items[::2], items[1::2], strict=True))
        except _NOT_A_VALUE as error:
            raise WireError(f"what came is no message: {type(error).__name__} {error}") from None

    def _build(self, tagged: dict[str, Any]) -> Any:
        """Make a value of its content, whose parts have been made already."""
        if len(tagged) != 1:
            raise WireError("what came is not a value")
        ((tag, content),) = tagged.items()
        make = _MAKERS.get(tag)
        return make(self, content) if make else self.resolve(tag, content)

    def _numbered(self, content: Any) -> Any:
        number, value = content
        if type(number) is not int or number in self.table.objects or not isinstance(value, MUTABLE):
            raise WireError("what came is not a value: its number is taken")
        self.table[number] = value
        self.mentioned.append(number)
        return value

    def _known(self, number: Any) -> Any:
        value = self.table[number]
        self.mentioned.append(number)
        return value

    def _array(self, content: Any) -> np.ndarray:
        name, shape, start, writeable = content
        if type(name) is not str or not crosses(name):
            raise WireError(f"what came is not a value: dtype {name!r:.40}")
        if type(start) is not int or not 0 <= start <= len(self.blobs):
            raise WireError("what came is not a value: it points outside the frame")
        dtype = np.dtype(name)
        array = np.ndarray(_shape(shape), dtype, self.blobs, self.start + start).copy()
        if dtype.kind == "b":
            array = np.asarray(array.view("u1") != 0)
        if dtype.kind == "U" and array.size and array.ravel().view("u4").max() > 0x10FFFF:
            raise WireError("what came is not a value: a text that is none")
        array.flags.writeable = writeable
        return array

    def _objects(self, content: Any) -> np.ndarray:
        shape, items = content
        array = np.empty(len(items), object)
        for place, item in enumerate(_items(items)):
            array[place] = item
        return array.reshape(_shape(shape))

    def _pcg64(self, content: Any) -> np.random.Generator:
        state, increment, half, kept = content
        seed: Any = _Seed()
        seed.bits = np.random.PCG64(seed)
        seed.bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": int(state, 16), "inc": int(increment, 16)},
            "has_uint32": int(half),
            "uinteger": int(kept),
        }
        return np.random.Generator(seed.bits)


def _items(content: Any) -> list[Any]:
    if type(content) is not list:
        raise WireError("what came is not a value")
    return content


def _shape(shape: Any) -> tuple[int, ...]:
    if len(shape) > 32 or not {int}.issuperset(map(type, shape)) or min(shape, default=0) < 0:
        raise WireError("what came is not a value: its shape is none")
    return tuple(shape)


def _spread(keys: list[Any]) -> list[Any]:
    """Refuse keys that were chosen to collide, for which a dict takes for ever."""
    if len(keys) - len(set(map(hash, keys))) > MAX_COLLISIONS:
        raise WireError("what came is not a value: its keys collide")
    return keys


def _dict(content: Any) -> dict[Any, Any]:
    pairs = [(key, value) for key, value in _items(content)]
    _spread([key for key, _ in pairs])
    return dict(pairs)


def _scalar(array: Any) -> Any:
    if type(array) is not np.ndarray or array.shape != ():
        raise WireError("what came is not a value: it is not one number")
    return array[()]


def _generator(state: Any) -> np.random.Generator:
    if state["bit_generator"] not in _BIT_GENERATORS:
        raise WireError("what came is not a value: no such bit generator")
    generator = np.random.Generator(getattr(np.random, state["bit_generator"])(0))
    generator.bit_generator.state = _in_bounds(state)
    return generator


def _random_state(state: Any) -> np.random.RandomState:
    random_state = np.random.RandomState(0)
    random_state.set_state(_in_bounds(state))
    return random_state


def _in_bounds(state: dict[str, Any]) -> dict[str, Any]:
    """Refuse a place outside of the numbers made ahead: NumPy would give the memory that lies there."""
    for place, most in ((state["state"].get("pos", 0), 624), (state.get("buffer_pos", 0), 4)):
        if type(place) is not int or not 0 <= place <= most:
            raise WireError("what came is not a value: a generator out of bounds")
    return state


def _model(content: Any) -> Any:
    module, name, fields = content
    if type(module) is not str or not re.fullmatch(r"genlab\.models\.\w+", module):
        raise WireError("what came is not a value: no such model")
    kind = getattr(importlib.import_module(module), name, None)
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise WireError("what came is not a value: no such model")
    return kind(**fields)


def _refuse(*_: Any) -> Any:
    raise WireError("what came is not a value")


_MAKERS: dict[str, Callable[[Reader, Any], Any]] = {
    "x": Reader._numbered,
    "y": Reader._known,
    "a": Reader._array,
    "o": Reader._objects,
    "p": Reader._pcg64,
    "t": lambda _, content: tuple(_items(content)),
    "d": lambda _, content: _dict(content),
    "s": lambda _, content: set(_spread(_items(content))),
    "f": lambda _, content: frozenset(_spread(_items(content))),
    "n": lambda _, content: _scalar(content),
    "i": lambda _, content: int(content, 16),
    "b": lambda _, content: bytearray(bytes(content) if type(content) is bytes else _refuse()),
    "c": lambda _, content: complex(*content),
    "range": lambda _, content: range(*content),
    "slice": lambda _, content: slice(*content),
    "e": lambda _, content: Ellipsis,
    "N": lambda _, content: NotImplemented,
    "g": lambda _, content: _generator(content),
    "G": lambda _, content: _random_state(content),
    "m": lambda _, content: _model(content),
}
