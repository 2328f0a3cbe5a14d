"""introduction: what is special to it. No part needs another."""

import pytest

pytestmark = pytest.mark.parametrize("assignment", ["introduction"])


@pytest.fixture
def solved(answered):
    return answered("introduction")


def blank(*arguments, **options):
    raise NotImplementedError


def test_a_blank_costs_its_own_points_only(solved, monkeypatch):
    for function in solved.functions:
        with monkeypatch.context() as patch:
            patch.setitem(solved.names, function, blank)
            failures = {other: solved.failures(other) for other in solved.functions}
        assert [other for other, failed in failures.items() if failed] == [function]
        assert len(failures[function]) == sum(test.startswith(f"test_{function}") for test in solved.tests)
        assert all("not written yet" in str(failure) for failure in failures[function].values())
