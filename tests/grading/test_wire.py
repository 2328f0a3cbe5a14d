"""Values as data: everything that may cross arrives as it was, and nothing else arrives at all."""

import copy
import json
from decimal import Decimal
from fractions import Fraction

import msgpack
import numpy as np
import pytest

from genlab.grading.candidate.decode import Reader
from genlab.grading.candidate.encode import Frame
from genlab.grading.candidate.table import Table
from genlab.grading.candidate.wire import LENGTHS, MAX_BYTES, MAX_MESSAGE, WireError, lengths
from genlab.grading.generators import advance
from genlab.models.gaussian import Gaussian


def refuse(*what):
    raise WireError(f"{what} is no data")


def send(value, there=None):
    """The value as the other side gets it."""
    frame = Frame(Table(0), refuse)
    return Reader(there or Table(1), refuse).read(frame.finish({"value": frame.encode(value)}))["value"]


def receive(message, blobs=b"", packed=False):
    text = message if packed else msgpack.packb(message)
    return Reader(Table(1), refuse).read(LENGTHS.pack(len(text), len(blobs)) + text + blobs)


VALUES = [
    None,
    True,
    -3,
    2**200,
    0.1,
    float("inf"),
    1 + 2j,
    "ä\udc80\0",
    b"\xff",
    bytearray(b"x"),
    [1, [2.5, "c"]],
    (1, (2,)),
    {1, 2},
    frozenset({3}),
    {"a": {1: (2,)}},
    range(2, 9, 3),
    slice(1, None),
    ...,
    np.float32(0.1),
    np.int8(-4),
    np.bool_(True),
]
ARRAYS = [
    np.zeros((0, 3)),
    np.array(2.5),
    np.arange(6).reshape(2, 3).T,
    np.array([True, False]),
    np.array(["ab", "ü"]),
    np.array([b"ab"]),
    np.array([1, None, "x"], object),
    np.array(["2020-01-01"], "datetime64[D]"),
    np.array([np.nan, 1.0], np.float16),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_arrives_as_it_was(value):
    got = send(value)
    assert type(got) is type(value)
    assert got == value


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_an_array_arrives_as_it_was(array):
    got = send(array)
    assert got.dtype == array.dtype and got.shape == array.shape
    np.testing.assert_array_equal(got, array)


def test_an_array_that_may_not_be_written_to_stays_so():
    array = np.zeros(2)
    array.flags.writeable = False
    assert not send(array).flags.writeable


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_generator_goes_on_where_it_was(kind):
    generator = np.random.Generator(kind(3))
    generator.normal(size=7)
    np.testing.assert_array_equal(send(generator).normal(size=5), generator.normal(size=5))


OUTSIDE = [("MT19937", 625), ("MT19937", -1), ("Philox", 5), ("Philox", -3000)]


@pytest.mark.parametrize(("kind", "place"), OUTSIDE)
def test_a_generator_whose_place_is_outside_its_numbers_is_refused(kind, place):
    state = getattr(np.random, kind)(0).state
    (state if kind == "Philox" else state["state"])["buffer_pos" if kind == "Philox" else "pos"] = place
    for tag in ["g", "G"] if kind == "MT19937" else ["g"]:
        frame = Frame(Table(0), refuse)
        data = frame.finish({"value": {tag: frame.encode(state | {"has_gauss": 0, "gauss": 0.0})}})
        with pytest.raises(WireError, match="out of bounds"):
            Reader(Table(1), refuse).read(data)


def test_what_a_generator_spawns_depends_on_its_state_and_moves_it_on():
    rng = np.random.default_rng(0)
    got, again = send(rng), send(rng)
    first = [child.normal() for child in got.spawn(2)]
    assert first == [child.normal() for child in again.spawn(2)] and len(set(first)) == 2
    assert got.spawn(1)[0].normal() not in first
    assert got.bit_generator.state != rng.bit_generator.state
    assert copy.deepcopy(got).normal() == got.normal()


def test_what_is_given_twice_stays_one():
    inner, array = [0], np.zeros(2)
    frame = Frame(Table(0), refuse)
    data = frame.finish({"value": frame.result([[inner] * 3, array, (array, [0])])})
    lists, one, (other, apart) = Reader(Table(1), refuse).read(data)["value"]
    lists[0].append(1)
    assert lists == [[0, 1]] * 3 and apart == [0]
    assert one is other


def test_a_model_crosses_by_name_and_parameters():
    model = Gaussian(np.zeros(2), np.eye(2))
    got = send(model)
    assert type(got) is Gaussian
    np.testing.assert_array_equal(got.covariance, model.covariance)


def test_what_is_a_number_or_a_list_in_disguise_arrives_as_one():
    class Three(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class Anything(list):
        def __eq__(self, other):
            return True

    got = send([Three(3), Anything([1])])
    assert [type(item) for item in got] == [int, list]
    assert got == [3, [1]]
    assert type(send(np.ma.masked_array([1.0]))) is np.ndarray
    for exact in (Fraction(1, 4), Decimal("0.25")):
        assert type(send(exact)) is float and send(exact) == 0.25


@pytest.mark.parametrize(
    "value", [object(), print, iter([]), int, json], ids=lambda value: type(value).__name__
)
def test_what_is_no_data_does_not_cross(value):
    with pytest.raises(WireError):
        send(value)


def test_what_contains_itself_or_nests_too_deeply_does_not_cross():
    endless = []
    endless.append(endless)
    deep = []
    for _ in range(100):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(WireError, match="nests too deeply"):
            send(value)


def test_what_is_too_large_does_not_cross():
    with pytest.raises(WireError, match="too large"):
        send(np.zeros(MAX_BYTES // 8 + 1))
    with pytest.raises(WireError, match="too large"):
        send("x" * MAX_MESSAGE)
    with pytest.raises(WireError, match="too large"):
        lengths((2**32 - 1).to_bytes(4, "little") * 2)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"s": [], "t": []},
        {"t": 3},
        {"t": "ab"},
        {"nothing": 1},
        {"d": [[[], 1]]},
        {"d": [1]},
        {"d": {"n": 1}},
        {"s": [[]]},
        msgpack.ExtType(5, b""),
        {"i": "zz"},
        {"i": 3},
        {"a": ["<f8", [2], 0, True]},
        {"a": ["<f8", [-1], 0, True]},
        {"a": ["<f8", [1.0], 0, True]},
        {"a": ["<f8", [2**63, 0], 0, True]},
        {"a": ["<f8", [1], -8, True]},
        {"a": ["<f8", [1], 4, True]},
        {"a": ["<f8", [1], True, True]},
        {"a": ["|O", [1], 0, True]},
        {"a": ["|V8", [1], 0, True]},
        {"a": ["f8,f8", [1], 0, True]},
        {"a": [["a"], [1], 0, True]},
        {"a": ["<U0", [2**40], 0, True]},
        {"a": ["<U2", [1], 0, True]},
        {"a": ["<f8", [1] * 65, 0, True]},
        {"o": [[2], [1]]},
        {"n": {"a": ["<f8", [1], 0, True]}},
        {"n": 3},
        {"x": ["0", []]},
        {"x": [0, 3]},
        {"y": 5},
        {"b": 3},
        {"c": ["1", "2"]},
        {"range": [0, 1, 0]},
        {"g": {"d": []}},
        {"g": {"d": [["bit_generator", "Generator"]]}},
        {"g": {"d": [["bit_generator", "PCG64"], ["state", 3]]}},
        {"m": ["os", "system", {"d": []}]},
        {"m": ["genlab.models.gaussian", "np", {"d": []}]},
        {"m": ["genlab.models.nothing", "Gaussian", {"d": []}]},
        {"m": ["genlab.models.gaussian", "Gaussian", {"d": [["mean", 1]]}]},
    ],
    ids=str,
)
def test_what_encode_does_not_make_is_refused(content):
    with pytest.raises(WireError):
        receive(["value", content], b"\xff" * 8)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x80",
        b"\x03",
        b"\xff\xfe",
        msgpack.packb(["ok"]),
        msgpack.packb([[], 1]),
        b"\x91" * 100_000,
        b"\x81\xa1t\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        msgpack.packb("ok") * 2,
    ],
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(WireError):
        receive(text, packed=True)


def test_truth_values_that_are_neither_become_true():
    got = receive(["value", {"a": ["|b1", [2], 0, True]}], b"\x02\x00")["value"]
    assert got.tobytes() == b"\x01\x00"


def test_one_object_stays_one_object():
    there = Table(1)
    array = np.zeros(2)
    got = send([array, [array]], there)
    assert got[0] is got[1][0]


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (np.zeros(3), lambda a: a.__setitem__(1, 5)),
        (np.array([1, "x"], object), lambda a: a.__setitem__(1, "y")),
        ([1, 2], lambda a: a.append(3)),
        ([1, 2], lambda a: a.__setitem__(0, 1.0)),
        ({"a": 1}, lambda a: a.update(b=2)),
        ({1}, lambda a: a.add(2)),
        (bytearray(b"ab"), lambda a: a.__setitem__(0, 0)),
        (np.random.default_rng(0), lambda g: g.random()),
        (np.random.RandomState(0), lambda g: g.rand()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_change_is_noticed_once_and_can_be_taken_over(value, change):
    here, there = Table(0), Table(1)
    frame = Frame(here, refuse)
    theirs = Reader(there, refuse).read(frame.finish({"value": frame.encode(value)}))["value"]
    assert there.changed(there.objects) == []
    change(theirs)
    back = Frame(there, refuse)
    message = back.finish({"changes": back.changes(there.objects)})
    assert there.changed(there.objects) == []
    ((number, content),) = Reader(here, refuse).read(message)["changes"]
    here.change(number, content)
    change_again = (
        np.array_equal if isinstance(value, np.ndarray) else lambda a, b: str(vars_of(a)) == str(vars_of(b))
    )
    assert change_again(value, theirs)


def vars_of(value):
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    return value.get_state(legacy=False) if isinstance(value, np.random.RandomState) else value


def test_a_generator_moves_only_as_far_as_drawing_leads():
    start, drawn = np.random.default_rng(1), np.random.default_rng(1)
    drawn.normal(size=1000)
    advance(start, drawn)
    assert start.bit_generator.state == drawn.bit_generator.state


@pytest.mark.parametrize(
    "state",
    [
        {"state": {"state": 0, "inc": 0}},  # gives nothing but zeros
        {"state": {"state": 1, "inc": 3}},
    ],
)
def test_a_generator_whose_state_was_made_up_gives_chance_nevertheless(state):
    mine, made_up = np.random.default_rng(1), np.random.default_rng(1)
    made_up.bit_generator.state = made_up.bit_generator.state | state
    before = mine.bit_generator.state
    advance(mine, made_up)
    assert mine.bit_generator.state not in (before, made_up.bit_generator.state)
    assert 0.4 < mine.random(1000).mean() < 0.6
    with pytest.raises(TypeError):
        advance(mine, [1])


def test_a_generator_set_back_does_not_repeat_itself():
    first = np.random.default_rng(1)
    mine = np.random.default_rng(1)
    seen = mine.random(5)
    advance(mine, first)
    assert not np.array_equal(mine.random(5), seen)
