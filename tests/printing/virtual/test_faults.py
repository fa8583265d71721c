"""What goes wrong goes wrong as ordered, and the same way for the same seed."""

import re

import pytest

from callboard.printing.virtual import Faults, Noise, ResendOk, Virtual
from callboard.printing.virtual.faulting import BadFault, faults, names
from callboard.printing.virtual.mishaps import TROUBLES
from tests.printing.virtual.talking import Talk, framed


def ordered(*texts: str, **more: object) -> Talk:
    return Talk(Virtual(speed=1e6, faults=faults(texts), **more))  # type: ignore[arg-type]


def streamed(talk: Talk, count: int = 300) -> int:
    """Send lines one by one as a patient host; returns how often one was asked for again."""
    number, asked = 1, 0
    talk.say(framed(0, "M110 N0"))
    for _ in range(20 * count):
        if number > count:
            break
        said = talk.say(framed(number, f"G1 X{number % 100}")) or talk.wait(6, step=0.5)
        again = [int(found[1]) for line in said if (found := re.match(r"Resend: (\d+)", line))]
        asked += len(again)
        number = again[-1] if again else number + 1
    return asked


@pytest.mark.parametrize("kind", ["corrupt", "drop", "duplicate", "merge", "split", "lose", "garbage"])
def test_noise_on_the_way_in_costs_no_line(kind: str) -> None:
    talk = ordered(f"{kind}=0.05")
    assert streamed(talk) > 0
    moves = [line for line in talk.printer.accepted if line.startswith("G1")]
    assert [line for line in moves if re.fullmatch(r"G1 X\d+", line)] == moves
    assert len(moves) >= 300


def test_the_same_seed_gives_the_same_faults() -> None:
    heard = []
    for seed in (1, 1, 2):
        talk = ordered("corrupt=0.1", "lost-ok=0.05", seed=seed)
        streamed(talk, 100)
        heard.append(talk.heard)
    assert heard[0] == heard[1] != heard[2]


def test_noise_on_the_way_out_spoils_what_is_heard() -> None:
    talk = Talk(Virtual(faults=Faults(outgoing=Noise(corrupt=1.0))))
    assert talk.say("M114")[0][:2] != "X:" or talk.heard[-1] != "ok"


def test_a_lost_ok() -> None:
    assert ordered("lost-ok=1").say("G90") == []


def test_an_ok_that_comes_twice() -> None:
    assert ordered("double-ok=1").say("G90") == ["ok", "ok"]


def test_an_ok_that_comes_late() -> None:
    talk = ordered("late-ok=1", "late-by=3")
    assert talk.say("G90") == []
    assert talk.wait(2.9) == []
    assert talk.wait(0.2) == ["ok"]


@pytest.mark.parametrize(
    ("habit", "answer"),
    [
        (ResendOk.AFTER, ["Resend: 1", "ok"]),
        (ResendOk.BEFORE, ["ok", "Resend: 1"]),
        (ResendOk.MISSING, ["Resend: 1"]),
    ],
)
def test_where_the_ok_of_a_resend_stands(habit: ResendOk, answer: list[str]) -> None:
    assert ordered(f"resend-ok={habit.value}").say("N1 G90*1")[1:] == answer


def test_a_resend_may_name_another_line_or_lack_a_digit() -> None:
    talk = ordered("wrong-resend=1")
    talk.say("M110 N500")
    assert talk.say("N501 G90*1")[1] != "Resend: 501"
    talk = ordered("short-resend=1")
    talk.say("M110 N134496")
    assert talk.say("N134497 G90*1")[1] == "Resend: 34497"


def test_an_ok_may_come_first_or_look_otherwise() -> None:
    assert ordered("ok-first").say("M114")[0] == "ok"
    assert ordered("ok-first").say("G4 S1e9") == ["ok"]
    assert ordered("ok-first").say("M105")[0].startswith("ok T:")
    assert ordered("ok-text=ok {number} {buffer}/{planner}").say(framed(1, "G90")) == ["ok 1 4/15"]


def test_a_byte_that_is_no_text_may_stand_in_the_greeting() -> None:
    talk = ordered("greeting-garbage")
    assert "\x80" in talk.heard


def test_good_lines_may_be_refused() -> None:
    talk = ordered("needless-resend=0.2")
    assert 20 < streamed(talk, 200) < 80
    assert len(talk.printer.accepted) == 201


def test_a_trouble_at_a_line_number_comes_once() -> None:
    talk = ordered("at line 3: refuse")
    assert streamed(talk, 10) == 1
    assert len(talk.printer.accepted) == 11


def test_two_troubles_at_one_line_both_come() -> None:
    talk = ordered("at line 1: send one", "at line 1: send two")
    assert talk.say(framed(1, "G90")) == ["one", "two", "ok"]


def test_a_trouble_at_a_time_counts_from_the_first_opening() -> None:
    talk = ordered("at 30s: send hello")
    assert talk.wait(29.9) == []
    assert talk.wait(0.2) == ["hello"]


def test_a_trouble_on_a_command() -> None:
    talk = ordered("on G28 2: silent 10", "on each M114: send so")
    assert talk.say("M114")[0] == "so"
    assert talk.say("M114")[0] == "so"
    talk.say("G28")
    assert "ok" in talk.wait(1)
    talk.say("G28")
    assert talk.wait(9) == []
    assert talk.say("M105") == []
    talk.wait(2)
    assert talk.say("G90") == ["ok"]


def test_a_reset_in_the_middle_of_a_print_begins_at_nothing() -> None:
    talk = ordered("on G1 5: reset")
    for n in range(1, 5):
        assert talk.say(framed(n, "G1 X1")) == ["ok"]
    assert talk.say(framed(5, "G1 X1"))[0] == "start"
    assert talk.say(framed(6, "G1 X1"))[0].endswith("Last Line: 0")


@pytest.mark.parametrize(
    ("trouble", "first"),
    [
        ("kill", "Error:Printer halted. kill() called!"),
        ("thermal_runaway", "Error:Thermal Runaway, system stopped! Heater_ID: 0"),
        ("maxtemp_error", "Error:MAXTEMP triggered, system stopped! Heater_ID: 0"),
        ("mintemp_error", "Error:MINTEMP triggered, system stopped! Heater_ID: 0"),
    ],
)
def test_what_kills_it(trouble: str, first: str) -> None:
    talk = Talk()
    said = talk.say(f"!!DEBUG:{trouble}")
    assert said[0] == first
    assert said[-1] == "Error:Printer halted. kill() called!"
    assert talk.say("M105") == []
    assert talk.say("!!DEBUG:reset")[0] == "start"


def test_hanging_keeps_what_comes_in_the_buffer() -> None:
    talk = Talk()
    talk.say("!!DEBUG:sleep 5")
    assert talk.say("G90", "G91") == []
    assert talk.wait(4.9) == []
    assert talk.wait(0.2) == ["ok", "ok"]


def test_hanging_after_a_command() -> None:
    talk = Talk()
    talk.say("!!DEBUG:sleep_after_next G90 5")
    talk.say("G90", "G91")
    assert talk.wait(6)[-1] == "ok"
    assert talk.say("G90") == ["ok"]


def test_prepared_oks_come_instead() -> None:
    talk = Talk()
    talk.say("!!DEBUG:prepare_ok ok T:99 /0")
    assert talk.say("G90") == ["ok T:99 /0"]
    assert talk.say("G90") == ["ok"]


def test_it_asks_for_the_last_line_once_more() -> None:
    talk = Talk()
    talk.say(framed(1, "G90"))
    assert talk.say("!!DEBUG:rerequest_last") == ["Resend: 1", "ok"]
    assert talk.say(framed(1, "G90")) == ["ok"]


def test_filament_runs_out() -> None:
    talk = Talk()
    assert talk.say("!!DEBUG:runout")[0] == "//action:paused filament_change"


def test_a_pulled_cable_is_silent_both_ways() -> None:
    talk = Talk()
    talk.say("!!DEBUG:unplug 5 renamed")
    assert not talk.printer.plugged
    assert talk.printer.comes_back == (5.0, True)
    assert talk.say("M105") == []
    talk.printer.open(talk.now)
    assert talk.hear()[0] == "start"


@pytest.mark.parametrize("word", sorted(TROUBLES))
@pytest.mark.parametrize("argument", ["", "2", "x y", "G28 0.1", "-1", "1e400", "9" * 400, "²"])
def test_no_trouble_raises(word: str, argument: str) -> None:
    talk = Talk()
    talk.say(framed(1, "G28"), f"!!DEBUG:{word} {argument}")
    talk.wait(2)
    talk.say("G90", "M20", "M105")
    talk.wait(20)


def test_an_unknown_word_is_answered_with_those_that_there_are() -> None:
    assert Talk().say("!!DEBUG:nonsense")[0].startswith("echo:No such trouble: nonsense. There are: action_")


def test_it_may_be_deaf_to_debug_words() -> None:
    assert Talk(Virtual(debug=False)).say("!!DEBUG:kill")[0].startswith("echo:Unknown command")


@pytest.mark.parametrize(
    "text",
    [
        "corrupt", "corrupt=2", "corrupt=-1", "corrupt=1e3", "corupt=0.1", "resend-ok=later", "line-end=x",
        "at line x: reset", "at noon: reset", "on X1: reset", "at line 1: explode", "stray-reports=maybe",
        "at line 1:", "=", "at 1: reset",
    ],
)  # fmt: skip
def test_a_bad_fault_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadFault) as refused:
        faults([text])
    assert "\n" not in str(refused.value)


def test_a_script_may_have_comments_and_empty_lines() -> None:
    found = faults(["# a script", "", "corrupt=0.01 # and more", "at line 7: lose-ok 2", "corrupt-out=.5"])
    assert found.incoming.corrupt == 0.01
    assert found.outgoing.corrupt == 0.5
    assert found.planned[0].line == 7


def test_every_rate_and_habit_has_a_name() -> None:
    plain = {name.replace("-", "_") for name in names()}
    assert set(Faults.__struct_fields__) - {"incoming", "outgoing", "planned"} <= plain
