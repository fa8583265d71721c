"""Whatever the wire does: the firmware takes the file as it is, each line acknowledged once, in order."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callboard.printing.marlin import Fault, Kind, Line, Marlin, ResendRatioHigh
from tests.printing.firmware import Firmware, Habits, Joined, Noise, clean, gcode

DETECTABLE = ("corrupt", "lose", "double", "cut", "garbage")
"""What a checksum always finds. A line cut in two can leave a second half that is a command by itself."""

FIRMWARES = {
    "Marlin 2": Habits(),
    "Marlin 1": Habits(doubled="refuse"),
    "ok before Resend": Habits(resend_ok="before"),
    "no ok with Resend": Habits(resend_ok="missing"),
    "ADVANCED_OK": Habits(advanced_ok=True),
    "ADVANCED_OK, Marlin 1": Habits(advanced_ok=True, doubled="refuse"),
    "says ok twice": Habits(oks=2),
    "says ok twice, Marlin 1": Habits(oks=2, doubled="refuse"),
    "truncated numbers": Habits(digits=2),
    "no temperatures": Habits(fences=False),
    "says wait": Habits(waits=1.0),
    "no temperatures, says wait": Habits(fences=False, waits=1.0),
    "unknown": Habits(name="Whatever 1.0"),
    "unknown, refuses": Habits(name="Whatever 1.0", doubled="refuse", resend_ok="before"),
    "slow now and then": Habits(slow=tuple(gcode(300)[50::120]), slow_takes=3.0),
}
EVERY_FIRMWARE = pytest.mark.parametrize("habits", FIRMWARES.values(), ids=FIRMWARES.keys())


def printed(joined: Joined, count: int, *, noise: tuple[Noise, ...] = ()) -> float:
    """Print, with noise from the first line on; check the promise; return how long it took."""
    for one in noise:
        one.on = False
    joined.open()
    for one in noise:
        one.on = True
    program = gcode(count)
    took = joined.print(program)
    assert joined.program_accepted() == program
    assert joined.acknowledged() == program
    assert joined.sent() == program
    return took


@EVERY_FIRMWARE
def test_a_program_arrives_as_it_is(habits: Habits) -> None:
    joined = Joined(Firmware(habits))
    printed(joined, 300)
    assert joined.firmware.overruns == 0


@EVERY_FIRMWARE
@pytest.mark.parametrize("seed", range(3))
def test_noise_both_ways_costs_no_line(habits: Habits, seed: int) -> None:
    out, back = Noise(seed, 0.02, DETECTABLE), Noise(seed + 100, 0.02, (*DETECTABLE, "split", "merge"))
    printed(Joined(Firmware(habits), out=out, back=back), 300, noise=(out, back))


@given(
    seed=st.integers(0, 1_000_000),
    share=st.sampled_from([0.005, 0.02, 0.05]),
    doubled=st.sampled_from(["drop", "refuse"]),
    resend_ok=st.sampled_from(["after", "before", "missing"]),
    advanced=st.booleans(),
    oks=st.sampled_from([1, 1, 2]),
    rx_buffer=st.sampled_from([60, 100, 127]),
    rate=st.sampled_from([inf, 11_520.0]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_noise_on_any_firmware_costs_no_line(
    seed: int,
    share: float,
    doubled: str,
    resend_ok: str,
    advanced: bool,
    oks: int,
    rx_buffer: int,
    rate: float,
) -> None:
    # Where every ok is doubled on a slow wire, acknowledgements run ahead of what was taken by some lines.
    oks = oks if rate == inf else 1
    habits = Habits(doubled=doubled, resend_ok=resend_ok, advanced_ok=advanced, oks=oks)
    # On a wire with a rate bytes are lost in the middle of lines when the firmware empties its buffer: what
    # is left of such a line can be a command by itself, so there lines are only lost as a whole.
    out = Noise(seed, share, DETECTABLE if rate == inf else ("lose",))
    back = Noise(seed + 1, share, DETECTABLE)
    joined = Joined(Firmware(habits), Marlin(rx_buffer=rx_buffer), out=out, back=back, rate=rate)
    printed(joined, 150, noise=(out, back))


def test_a_lost_ok_costs_no_line_and_no_stall() -> None:
    lost = iter([20, 21, 40, 90])
    following = [next(lost)]
    count = 0

    def lose(line: bytes) -> bytes:
        nonlocal count
        count += line == b"ok\n"
        if count == following[0] and line == b"ok\n":
            following[0] = next(lost, -1)
            return b""
        return line

    joined = Joined(back=lose)
    assert printed(joined, 300) < 0.5


def test_one_line_at_a_time_a_lost_ok_costs_a_moment() -> None:
    """Today's hosts wait 30 s."""
    back = Noise(1, 0.02, ("lose",))
    joined = Joined(settings=Marlin(ping_pong=True), back=back)
    assert printed(joined, 300, noise=(back,)) < 5


def test_a_damaged_ok_is_noticed_at_once() -> None:
    back = Noise(5, 0.03, ("cut",))
    joined = Joined(back=back)
    quiet = printed(Joined(), 1000)
    assert printed(joined, 1000, noise=(back,)) < 1.1 * quiet


def test_one_percent_of_damaged_lines_both_ways_costs_little() -> None:
    out, back = Noise(3, 0.01, ("corrupt",)), Noise(4, 0.01, ("corrupt",))
    quiet = printed(Joined(), 3000)
    noisy = printed(Joined(out=out, back=back), 3000, noise=(out, back))
    assert noisy < 1.25  # simulated seconds; 1.2 when one line less was in flight and nothing was damaged
    assert noisy < 1.4 * quiet


def test_a_print_that_motion_holds_up_loses_no_time_to_noise() -> None:
    """At 5 ms a line, as in most prints, recovery hides behind the firmware's buffers."""
    out, back = Noise(3, 0.01, ("corrupt",)), Noise(4, 0.01, ("corrupt",))
    slow = Habits(takes=0.005)
    quiet = printed(Joined(Firmware(slow)), 2000)
    assert printed(Joined(Firmware(slow), out=out, back=back), 2000, noise=(out, back)) < 1.03 * quiet


def test_an_ok_too_many_never_overruns_the_buffer() -> None:
    back = Noise(9, 0.02, ("double",))
    joined = Joined(Firmware(Habits(takes=0.002)), back=back)
    printed(joined, 1000, noise=(back,))
    assert joined.firmware.overruns == 0


def test_firmware_that_says_ok_twice_gets_one_line_at_a_time() -> None:
    joined = Joined(Firmware(Habits(oks=2)))
    printed(joined, 200)
    assert not joined.protocol._stream.pipelining


def test_the_last_line_is_acknowledged_only_when_it_was_taken() -> None:
    """An ok too many stands for the last line while that is lost without a trace."""
    program = gcode(30)
    state = {"doubled": False, "lost": False}

    def back(line: bytes) -> bytes:
        if line == b"ok\n" and not state["doubled"] and joined.firmware.last > 10:
            state["doubled"] = True
            return line + line
        return line

    def out(line: bytes) -> bytes:
        if program[-1].encode() in line and not state["lost"]:
            state["lost"] = True
            return b""
        return line

    joined = Joined(out=out, back=back)
    joined.open()
    joined.protocol.begin(numbered=True)
    joined.program.extend(Line(text, Kind.FILE) for text in program)
    joined.run(lambda: program[-1] in joined.acknowledged(), 60)
    assert state == {"doubled": True, "lost": True}
    assert joined.program_accepted() == program


def test_lines_as_long_as_the_command_buffer_go_alone() -> None:
    joined = Joined()
    joined.open()
    program = ["G1 X1", "M117 " + "x" * 80, "G1 X2", "G1 X3"]
    joined.print(program)
    assert joined.acknowledged() == program
    assert joined.firmware.overruns == 0


def test_numbers_begin_anew_however_often_their_beginning_is_lost() -> None:
    """M110 lost, M110 spoilt, an old count of 3 that looks like a request: none of them loses a line."""
    for seed in range(20):
        out, back = Noise(seed, 0.3, DETECTABLE), Noise(seed + 50, 0.3, ("lose", "double", "corrupt"))
        joined = Joined(Firmware(Habits(doubled="refuse" if seed % 2 else "drop")), out=out, back=back)
        out.on = back.on = False
        joined.open()
        joined.print(gcode(3))
        out.on = back.on = True
        joined.protocol.begin(numbered=True)
        joined.run(lambda joined=joined: joined.protocol._stream.anchor.name == "NONE", 120)  # type: ignore[misc]
        out.on = back.on = False
        joined.reports.clear()
        joined.firmware.accepted.clear()
        program = gcode(40)
        joined.program.extend(Line(text, Kind.FILE) for text in program)
        joined.run(lambda joined=joined: not joined.program and joined.protocol.idle(), 60)  # type: ignore[misc]
        assert joined.program_accepted() == program
        assert joined.acknowledged() == program


def failing(answer: str) -> list[Fault]:
    """Print on a firmware that answers one line with this for ever; return the faults."""
    joined = Joined()
    joined.open()
    protocol = joined.protocol
    protocol.begin(numbered=True)
    joined.program.extend(Line(text, Kind.FILE) for text in gcode(80))
    joined.run(lambda: len(joined.acknowledged()) >= 60)
    faults: list[Fault] = []
    for turn in range(400):
        now = joined.now + turn
        protocol.outgoing(now)
        reports = [*protocol.receive(answer.encode(), now), *protocol.tick(now + 0.5)]
        faults += [report for report in reports if isinstance(report, Fault)]
    return faults


def test_a_line_that_is_refused_for_ever_is_a_resend_loop() -> None:
    (fault,) = failing("Error:checksum mismatch, Last Line: 61\nResend: 62\nok\n")
    assert (fault.reason, fault.fatal, fault.consequence) == ("resend_loop", True, "emergency")
    assert "62" in fault.error


def test_a_line_that_is_long_gone_can_not_be_sent_again() -> None:
    (fault,) = failing("Error:Line Number is not Last Line Number+1, Last Line: 3\nResend: 4\nok\n")
    assert (fault.reason, fault.fatal) == ("resend", True)


def test_many_resends_are_told_once() -> None:
    out = Noise(1, 0.15, ("corrupt",))
    joined = Joined(out=out)
    printed(joined, 600, noise=(out,))
    assert len(joined.of(ResendRatioHigh)) == 1


def test_a_quiet_wire_has_no_resend() -> None:
    joined = Joined(Firmware(Habits(slow=tuple(gcode(200)[20::40]), slow_takes=8.0)), back=clean)
    printed(joined, 200)
    assert joined.firmware.refusals <= 1
