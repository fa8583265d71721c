"""The time that a job still takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.gcode import command
from callboard.printing.progress import LONGEST, SD_WINDOW, Estimator, Origin, fraction

Told = tuple[float | None, Origin | None]


def steadied(estimator: Estimator, total: float, until: float, *, known: float | None = None) -> Told:
    """Run a job that takes `total` seconds evenly up to the fraction `until`; return the last answer."""
    told: Told = (None, None)
    for step in range(1, 401):
        done = until * step / 400
        told = estimator.left(done * total, done, known, None)
    return told


def test_progress_is_the_share_of_bytes() -> None:
    assert fraction(50, 200) == 0.25
    assert fraction(300, 200) == 1.0


@pytest.mark.parametrize("size", [0, None, -1])
def test_an_empty_file_has_no_progress(size: int | None) -> None:
    assert fraction(0, size) is None


def test_nobody_can_tell_at_the_start_of_an_unknown_file() -> None:
    assert Estimator().left(10, 0.01, None, None) == (None, None)
    assert Estimator().left(0, 0.0, None, None) == (None, None)
    assert Estimator().left(0, None, None, None) == (None, None)


def test_earlier_prints_tell_before_the_first_line() -> None:
    assert Estimator().left(0, 0.0, 600, 500) == (600, Origin.AVERAGE)
    assert Estimator().left(5, None, None, 500) == (495, Origin.ANALYSIS)


def test_the_time_so_far_is_told_after_30_percent_or_half_an_hour() -> None:
    left, origin = Estimator().left(310, 0.31, None, None)
    assert left == pytest.approx(690)
    assert origin is Origin.LINEAR
    assert Estimator().left(1801, 0.1, None, None)[1] is Origin.LINEAR
    assert Estimator().left(1799, 0.1, None, None) == (None, None)


def test_a_steady_promise_is_told_for_an_unknown_file() -> None:
    left, origin = steadied(Estimator(), 1000, 0.2)
    assert left == pytest.approx(800)
    assert origin is Origin.ESTIMATE


def test_a_promise_that_jumps_is_not_steady() -> None:
    estimator = Estimator(window=3)
    told = [estimator.left(at * 50.0, 0.01 * (1 + at % 2 * 9), None, None)[0] for at in range(1, 20)]
    assert told == [None] * 19


def test_earlier_prints_fade_into_the_promise_by_the_half() -> None:
    left, origin = steadied(Estimator(), 1000, 0.25, known=1100)
    assert left == pytest.approx((1100 + 1000) / 2 - 250)
    assert origin is Origin.MIXED_AVERAGE
    assert steadied(Estimator(), 1000, 0.5, known=1100)[1] is Origin.ESTIMATE
    assert steadied(Estimator(), 1000, 0.9, known=1100)[0] == pytest.approx(100)


def test_an_analysis_that_is_mixed_says_so() -> None:
    estimator = Estimator(window=1)
    estimator.left(9, 0.1, None, 100)
    left, origin = estimator.left(10, 0.1, None, 100)
    assert left == pytest.approx(90)
    assert origin is Origin.MIXED_ANALYSIS


def test_earlier_prints_that_are_plainly_wrong_are_dropped() -> None:
    left, origin = Estimator().left(300, 0.3, 10_000, None)
    assert left == pytest.approx(700)
    assert origin is Origin.LINEAR
    assert Estimator().left(300, 0.3, 700, None)[1] is Origin.AVERAGE


def test_a_job_that_takes_longer_than_all_before_is_never_overdue() -> None:
    left, origin = Estimator().left(1010, 0.999, 1000, None)
    assert left == 0
    assert origin is Origin.AVERAGE


def test_a_card_is_steady_after_fewer_updates() -> None:
    estimator = Estimator(SD_WINDOW)
    told = [estimator.left(at * 10.0, at / 100, None, None) for at in range(1, SD_WINDOW + 2)]
    assert told[0] == (None, None)
    assert told[-1][1] is Origin.ESTIMATE


def test_what_the_file_says_counts() -> None:
    estimator = Estimator()
    estimator.hear(command("M73 P25 R90"), 100)
    assert estimator.fraction(0.4) == 0.25
    assert estimator.left(160, 0.4, 500, 600) == (90 * 60 - 60, Origin.PRINTER)
    estimator.hear(command("M73 P26"), 200)
    assert estimator.fraction(0.4) == 0.26
    assert estimator.left(100 + 90 * 60 + 5, 0.9, None, None) == (0, Origin.PRINTER)


@pytest.mark.parametrize(
    "line", ["M73", "M73 P101 R-1", "M73 Pnan", "M73 R999999999999", "G1 P50 R5", "M117 M73 P5"]
)
def test_what_says_nothing_changes_nothing(line: str) -> None:
    estimator = Estimator()
    estimator.hear(command(line), 0)
    assert estimator.fraction(0.5) == 0.5
    assert estimator.left(0, 0.0, 60, None) == (60, Origin.AVERAGE)


KNOWN = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.tuples(st.floats(0, 1e9), st.none() | st.floats(-1, 2), KNOWN, KNOWN), max_size=40),
    st.integers(1, 5),
)
def test_the_time_left_is_a_time(
    updates: list[tuple[float, float | None, float | None, float | None]], window: int
) -> None:
    estimator = Estimator(window)
    for elapsed, done, statistic, analysis in updates:
        left, origin = estimator.left(elapsed, done, statistic, analysis)
        assert (left is None) == (origin is None)
        assert left is None or (math.isfinite(left) and 0 <= left <= LONGEST)
