"""A right answer passes in any form; a wrong one fails with a sentence for the student."""

import fractions
import json
import sys
import warnings

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from genlab.checks import Answer, CheckFailed, ideas


def said(check, *arguments, **options):
    """What a failing check says."""
    with pytest.raises(CheckFailed) as failure:
        check(*arguments, **options)
    return str(failure.value)


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 2], [3, 4]],
        ((1.0, 2.0), [3, np.float64(4)]),
        np.array([[1, 2], [3, 4]], dtype=np.uint8),
        np.array([[1, 2], [3, 4]], dtype=object),
        [[fractions.Fraction(2, 2), 2], [3, 4]],
        np.ma.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0]]) * (1 + 9e-7),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_whatever_makes_the_array_is_right(answer):
    Answer("f", lambda: answer).gives([[1, 2], [3, 4]])


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.array(3), True + 2])
def test_a_number_may_be_of_any_type(answer):
    Answer("f", lambda: answer).gives(3.0)


@pytest.mark.parametrize(
    "answer", [np.array([3.0]), [3.0], "3", None, {"a": 3}, 3j, [[1], [1, 2]], object(), len]
)
def test_what_is_not_that_number_fails(answer):
    assert said(Answer("f", lambda: answer).gives, 3.0).startswith("f: ")


def test_zeros_and_ones_may_be_booleans_and_a_tuple_a_list():
    Answer("f", lambda: [np.array([True, False]), 2], returns=("a", "b")).gives(([1, 0], 2))


@pytest.mark.parametrize(
    "labels", [[0, 1], np.array([2, 0], np.uint8), [True, False], np.array([0, 1], object)]
)
def test_integers_may_be_of_any_integer_type(labels):
    Answer("f", lambda: labels, integers=["the result"]).of(shapes=(2,))


@pytest.mark.parametrize("labels", [[0.0, 1.0], [0, 1.0], np.array([0, 1.0], object)])
def test_integers_may_not_be_floats(labels):
    answer = Answer("f", lambda: labels, integers=["the result"])
    assert said(answer.of, shapes=(2,)) == "f: the result must hold integers, by type, too: 2, not 2.0."
    Answer("f", lambda: labels).of(shapes=(2,))


def test_the_tolerances_are_kept():
    Answer("f", lambda: 1 + 0.9e-8).gives(1.0, rtol=1e-8)
    said(Answer("f", lambda: 1 + 1.2e-8).gives, 1.0, rtol=1e-8)
    Answer("f", lambda: 0.9e-9).gives(0.0)
    said(Answer("f", lambda: 1.1e-9).gives, 0.0)


def test_a_wrong_value_is_shown_beside_the_right_one():
    message = said(Answer("f", lambda x: x + 1).gives, [1, 2], [1, 2])
    assert "expected [1, 2]" in message and "got      [2, 3]" in message


def test_of_many_values_the_worst_is_shown():
    x = np.arange(100.0).reshape(10, 10)
    wrong = x.copy()
    wrong[3, 4], wrong[5, 6] = 34.5, 1e6
    message = said(Answer("f", lambda x: wrong).gives, x, x)
    assert "[5, 6]" in message and "expected 56" in message and "got      1000000" in message


def test_a_hidden_test_names_the_kind_of_input_only():
    def f(x):
        raise KeyError(f"secret {x}")

    secret = [123.25, 321.75]
    for function in (lambda x: x + 1, lambda x: x[:1], lambda x: None, lambda x: "123.25", f):
        message = said(Answer("f", function).gives, [123.5, 3.0], secret, kind="large numbers")
        assert "large numbers" in message
        assert not any(number in message for number in ("123", "124", "321", "322", "secret"))


def test_an_error_type_cannot_carry_the_input_out_of_a_hidden_test():
    def f(x):
        raise type(f"Is{x[0]}", (Exception,), {})

    assert "123" not in said(Answer("f", f).gives, 1.0, [123.25], kind="a number")


def test_a_part_may_be_left_out():
    answer = Answer("f", lambda: (1.0, 2.0), returns=("a", "b"))
    answer.gives((..., 2.0))
    assert "wrong values in b" in said(answer.gives, (..., 3.0))


@pytest.mark.parametrize("answer", [(1,), (1, 2, 3), 1.0, np.zeros(2), {"a": 1, "b": 2}])
def test_the_number_of_parts_is_told(answer):
    assert "2 things, (a, b)" in said(Answer("f", lambda: answer, returns=("a", "b")).gives, (1, 2))


def test_an_error_is_told_with_its_line():
    def f(x):
        return x[99]

    message = said(Answer("f", f).gives, 1.0, [1.0])
    assert "IndexError: index 99 is out of bounds" in message
    assert f"in line {f.__code__.co_firstlineno + 1}" in message


def test_exit_is_an_error_too():
    assert "SystemExit" in said(Answer("f", sys.exit).gives, 1.0)


def test_a_blank_is_told_from_a_call_of_a_blank():
    def g():
        raise NotImplementedError

    def f():
        return g()

    assert "not written yet" in said(Answer("g", g).gives, 1.0)
    assert "it calls g, which is not written yet" in said(Answer("f", f).gives, 1.0)


def test_arithmetic_that_fails_is_underflow_where_that_is_asked():
    assert "think small" in said(Answer("f", lambda: 1 / 0).gives, 1.0, underflow="think small")


@pytest.mark.parametrize(("got", "underflowed"), [(np.nan, True), (-np.inf, True), (0.0, True), (2.0, False)])
def test_underflow_is_nan_infinity_or_zero(got, underflowed):
    message = said(Answer("f", lambda: got).gives, 1.0, underflow="think small")
    assert ("think small" in message) == underflowed


def test_nothing_returned_is_told():
    assert "return" in said(Answer("f", lambda: None).gives, 1.0)


def test_a_changed_argument_is_told_and_the_original_is_safe():
    def f(x):
        x += 1
        return x

    x = np.zeros(3)
    assert "changes an array" in said(Answer("f", f).gives, np.ones(3), x)
    assert not x.any()


def test_lists_arrive_as_arrays_and_numbers_as_they_are():
    seen = []
    Answer("f", lambda *a, **k: seen.extend([*a, k]) or 0.0).gives(0.0, [1, 2], 3, key=4)
    assert isinstance(seen[0], np.ndarray) and seen[0].dtype == float and seen[1:] == [3, {"key": 4}]


def test_prints_and_warnings_cost_nothing(capfd):
    def f():
        print("out")
        print("err", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return 1 + np.exp(np.log(np.zeros(1)))

    with warnings.catch_warnings(action="error"):
        Answer("f", f).gives([1.0])
    assert capfd.readouterr() == ("", "")


def test_floating_point_errors_that_a_student_switched_on_are_off():
    with np.errstate(all="raise"):
        Answer("f", lambda: np.exp(np.array([-1e9]))).gives([0.0])


def test_of_gives_arrays_of_the_stated_shapes():
    answer = Answer("f", lambda n: ([1] * n, [[1, 2]]), returns=("a", "b"))
    a, b = answer.of(3, shapes=((-1,), (1, 2)))
    assert a.shape == (3,) and b.shape == (1, 2)
    assert "shape of a is (3,); it must be (2,)" in said(answer.of, 3, shapes=((2,), (1, 2)))
    assert "shape of b is (1, 2); it must be (any,)" in said(answer.of, 3, shapes=((3,), (-1,)))
    hidden = said(answer.of, 3, shapes=((2,), (1, 2)), kind="three")
    assert "(3" not in hidden and "(2" not in hidden


def test_of_refuses_nan():
    assert "collapsed" in said(Answer("f", lambda: [1.0, np.nan]).of, shapes=(2,), idea="collapsed")
    assert Answer("f", lambda: -np.inf).of(shapes=()) == -np.inf


def test_raises_wants_that_error():
    def f(x):
        raise {0: ValueError, 1: np.linalg.LinAlgError, 2: IndexError, 3: NotImplementedError}[x]

    answer = Answer("f", f)
    for right in (0, 1):
        answer.raises(ValueError, right, idea="refuse it")
    assert "refuse it It raises IndexError" in said(answer.raises, ValueError, 2, idea="refuse it")
    assert "not written yet" in said(answer.raises, ValueError, 3, idea="refuse it")
    assert "refuse it" in said(Answer("f", lambda x: x).raises, ValueError, 1, idea="refuse it")


def test_a_function_that_draws_from_rng_passes():
    for draw in (
        lambda rng: rng.normal(size=3),
        lambda rng: np.random.default_rng(rng.integers(2**60)).normal(size=3),
        lambda rng: [rng.random(), rng.random()],
    ):
        Answer("f", draw).draws(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda rng: np.random.rand(3), "global state changed"),  # noqa: NPY002
        (lambda rng: (np.random.seed(rng.integers(9)), np.random.rand())[1], "global state changed"),  # noqa: NPY002
        (lambda rng: np.random.default_rng().normal(size=3), "two different answers"),
        (lambda rng: np.random.default_rng(3).normal(size=3), "whatever the state"),
        (lambda rng: np.zeros(3), "whatever the state"),
    ],
)
def test_a_function_that_draws_from_elsewhere_is_told(draw, sentence):
    assert sentence in said(Answer("f", draw).draws, np.random.default_rng(0))


def test_who_seeds_the_global_generator_as_it_was_seeded_already_is_told():
    def draw(rng):
        np.random.seed(0)  # noqa: NPY002
        return rng.random()

    draw(np.random.default_rng(0))
    assert "global state changed" in said(Answer("f", draw).draws, np.random.default_rng(0))


def test_a_known_wrong_answer_gets_its_sentence(tmp_path):
    key = ideas.key("f", [np.array([1.0, 2.0])], {})
    (tmp_path / "ideas.json").write_text(json.dumps({key: [{"says": "You added one.", "got": [[2.0, 3.0]]}]}))
    ideas.read(tmp_path / "ideas.json")
    try:
        assert "You added one." in said(Answer("f", lambda x: x + 1).gives, [1, 2], [1, 2], idea="otherwise")
        assert "otherwise" in said(Answer("f", lambda x: x + 2).gives, [1, 2], [1, 2], idea="otherwise")
        assert "You added" not in said(Answer("g", lambda x: x + 1).gives, [1, 2], [1, 2])
        assert "You added" not in said(Answer("f", lambda x: x + 1).gives, [1, 3], [1, 3])
    finally:
        ideas.read(tmp_path / "none")


def test_a_notebook_shows_the_message_without_a_traceback(capsys):
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("from genlab.checks import Answer\nAnswer('f', lambda: 2.0).gives(1.0)")
        shown = capsys.readouterr().out
    finally:
        InteractiveShell.clear_instance()
    assert shown.startswith("f: wrong values in the result.")
    assert "Traceback" not in shown and "lambda" not in shown


def test_the_number_of_things_is_not_told_of_a_hidden_input():
    answer = Answer("f", lambda n: [0] * n, returns=("a", "b"))
    assert "not 7." in said(answer.gives, (1, 2), 7)
    assert "7" not in said(lambda: answer.gives((1, 2), 7, kind="a hidden one"))
