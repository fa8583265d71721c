"""Numbers, checksums, history, queues, refusals put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.lines import HELLO, Entry, History, bare, checksum, frame
from callboard.printing.queues import Queues
from callboard.printing.refusals import Refusals
from callboard.printing.reports import Kind, Line


@pytest.mark.parametrize(
    ("number", "text", "data"),
    [
        (0, "M110 N0", b"N0 M110 N0*125\n"),
        (1, "M115", b"N1 M115*39\n"),
        (5, "M117 stra\u00dfe", b"N5 M117 stra?e*"),
    ],
)
def test_a_frame_is_number_text_and_checksum(number: int, text: str, data: bytes) -> None:
    assert frame(number, text).startswith(data)


def test_hello_is_m110() -> None:
    assert frame(0, "M110 N0") == HELLO


def test_a_line_without_number_goes_as_it_is() -> None:
    assert bare("M155 S2") == b"M155 S2\n"


@given(st.binary(max_size=120))
def test_a_checksum_is_undone_by_itself(data: bytes) -> None:
    assert checksum(data + bytes([checksum(data)])) == 0


def filled(count: int, size: int = 50) -> History:
    history = History(size)
    for number in range(1, count + 1):
        history.append(Entry("G1", None, number, frame(number, "G1")))
    return history


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ((80,), 80),
        ((101,), 101),
        ((51,), 51),
        ((50,), None),
        ((102,), None),
        ((77, 80), 77),
        ((3, 80), 80),
        ((80, 4711), 80),
        ((4711,), None),
    ],
)
def test_a_request_means_a_line_that_is_still_there(asked: tuple[int, ...], meant: int | None) -> None:
    assert filled(100).meant(asked) == meant


@pytest.mark.parametrize(("asked", "meant"), [(34497, 134497), (34480, 134480), (7, None), (134450, 134450)])
def test_a_truncated_number_means_the_latest_line_that_ends_so(asked: int, meant: int | None) -> None:
    history = History(50)
    history.next = 134_440
    for _ in range(60):
        history.append(Entry("G1", None, history.next, b""))
    assert history.meant((asked,)) == meant


def test_history_is_bounded() -> None:
    history = filled(1000)
    assert 950 not in history
    assert 951 in history
    assert history[1000].number == 1000


def test_manual_lines_overtake_and_each_kind_keeps_its_order() -> None:
    queues = Queues()
    for kind in (Kind.FILE, Kind.SCRIPT, Kind.HOST, Kind.MANUAL):
        queues.append(Line(f"1{kind.value}", kind))
        queues.append(Line(f"2{kind.value}", kind))
    taken = []
    while line := queues.first():
        queues.take(line)
        taken.append(line.text)
    assert taken == ["1manual", "2manual", "1host", "2host", "1script", "2script", "1file", "2file"]
    assert queues.count == 0


def test_dropping_a_kind_leaves_the_others() -> None:
    queues = Queues()
    for kind in (Kind.FILE, Kind.FILE, Kind.MANUAL):
        queues.append(Line("G1", kind))
    assert queues.drop(Kind.FILE) == 2
    assert queues.count == 1
    assert queues.has(Kind.MANUAL)
    assert not queues.has(Kind.FILE)


# A refusal in up to three lines


def test_error_request_and_ok_are_one_refusal() -> None:
    refusals = Refusals(0.5)
    assert refusals.error(11, True, 0) is None
    assert refusals.resend(12, 0) is None
    done = refusals.ok()
    assert done is not None
    assert done.numbers == (12, 12)
    assert refusals.ok() is None


def test_a_request_without_ok_is_finished_by_the_next_line() -> None:
    refusals = Refusals(0.5)
    refusals.resend(12, 0)
    done = refusals.other()
    assert done is not None
    assert refusals.ok() is None


def test_a_request_with_nothing_behind_it_is_finished_by_time() -> None:
    refusals = Refusals(0.5)
    refusals.resend(12, 10)
    assert refusals.late(10.4) is None
    assert refusals.due == 10.5
    assert refusals.late(10.5) is not None


def test_a_hurt_request_is_known_by_its_error() -> None:
    refusals = Refusals(0.5)
    refusals.error(11, True, 0)
    assert refusals.other() is None
    done = refusals.ok()
    assert done is not None
    assert done.numbers == (12,)


def test_an_ok_before_the_request_makes_one_refusal_of_it() -> None:
    refusals = Refusals(0.5)
    refusals.error(11, True, 0)
    assert refusals.ok() is not None
    assert refusals.resend(12, 0) is None
    assert refusals.pending is None


def test_firmware_that_never_sends_an_ok_is_found_out() -> None:
    refusals = Refusals(0.5)
    for time in (1.0, 2.0, 3.0):
        refusals.resend(12, time)
        assert refusals.late(time + 1) is not None
    assert not refusals.sends_ok
    assert refusals.resend(13, 4.0) is not None


def test_two_errors_are_two_refusals() -> None:
    refusals = Refusals(0.5)
    refusals.error(11, True, 0)
    first = refusals.error(12, True, 0)
    assert first is not None
    assert first.numbers == (12,)
    assert refusals.pending is not None
