"""Whatever comes, it never raises, never hangs, and its memory stays bounded."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.printing.virtual import Doubled, Faults, Identity, Noise, ResendOk, Virtual, VirtualPrinter
from callboard.printing.virtual.commands import COMMANDS
from callboard.printing.virtual.intake import Intake, Rules
from callboard.printing.virtual.mishaps import TROUBLES
from callboard.printing.virtual.words import bare, numbers, words
from tests.printing.virtual.talking import framed

NUMBERS = st.sampled_from(["0", "-1", "1", "255", "1e30", "nan", "inf", ".", "-", "9" * 80, "1.2.3", ""])
LETTERS = st.sampled_from(list('XYZEFSPRTNIJLC*;()\\" '))
PARAMETERS = st.lists(st.tuples(LETTERS, NUMBERS).map("".join), max_size=5).map(" ".join)
COMMAND = st.tuples(st.sampled_from([*COMMANDS, "G5", "M9999", "m105", "!!DEBUG:x", "T-1"]), PARAMETERS)
LINES = (
    COMMAND.map(" ".join)
    | st.tuples(st.integers(-2, 5), COMMAND.map(" ".join)).map(lambda pair: framed(*pair))
    | st.tuples(st.sampled_from(sorted(TROUBLES)), NUMBERS).map(lambda pair: f"!!DEBUG:{pair[0]} {pair[1]}")
    | st.text(max_size=200)
)
BYTES = LINES.map(lambda line: line.encode("utf-8", "replace") + b"\n") | st.binary(max_size=300)
NOISE = st.builds(
    Noise, corrupt=st.floats(0, 1), drop=st.floats(0, 1), split=st.floats(0, 1), merge=st.floats(0, 1)
)
SETTINGS = st.builds(
    Virtual,
    firmware=st.sampled_from(Identity),
    speed=st.sampled_from([0.1, 1.0, 1e6]),
    rx_buffer=st.sampled_from([16, 128]),
    line_length=st.sampled_from([2, 96]),
    hotends=st.integers(1, 3),
    shared_nozzle=st.booleans(),
    advanced_ok=st.booleans(),
    emergency_parser=st.booleans(),
    min_extrude=st.sampled_from([0.0, 170.0]),
    faults=st.builds(
        Faults,
        incoming=NOISE,
        outgoing=NOISE,
        lost_ok=st.floats(0, 1),
        late_ok=st.floats(0, 1),
        wrong_resend=st.floats(0, 1),
        resend_ok=st.sampled_from(ResendOk),
        doubled=st.none() | st.sampled_from(Doubled),
        slow_heaters=st.sampled_from([0.0, 1.0, 100.0]),
    ),
)


@given(SETTINGS, st.lists(st.tuples(BYTES, st.sampled_from([0.0, 0.01, 1.0, 100.0])), max_size=30))
@settings(deadline=None)
def test_it_never_raises_whatever_comes(virtual: Virtual, comes: list[tuple[bytes, float]]) -> None:
    printer, now = VirtualPrinter(virtual), 10.0
    printer.open(now)
    for data, passes in comes:
        printer.receive(data, now)
        now += passes
        printer.outgoing(now)
        assert len(printer.firmware.queue) <= virtual.command_buffer + 1
        assert printer.firmware.intake.room <= virtual.rx_buffer
    printer.due  # noqa: B018


@given(st.text())
def test_parsing_is_total(text: str) -> None:
    words(text).numbers()
    assert all(abs(number) <= 1e9 for number in numbers(text).values())
    bare(text)


@given(st.binary(), st.lists(st.integers(0, 400), max_size=6))
def test_emergencies_are_found_wherever_the_bytes_are_cut(noise: bytes, cuts: list[int]) -> None:
    data = b"\n" + noise.replace(b"M", b"m") + b"\nM112\n"
    intake, found = Intake(Rules()), []
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(places):
        found += intake.urgent(data[start:end])
    assert found == ["M112"]


def test_a_host_that_never_reads_costs_no_more_than_a_bound() -> None:
    printer = VirtualPrinter(Virtual(speed=1e6))
    for n in range(3000):
        printer.receive(b"M115\n", n / 1000)
    assert len(printer.outgoing(10.0)) < 100_000


def test_reports_that_nobody_reads_cost_no_more_than_a_bound() -> None:
    printer = VirtualPrinter()
    printer.receive(b"M155 S0.001\nM154 S0.001\n", 0.0)
    assert len(printer.outgoing(600.0)) < 100_000
