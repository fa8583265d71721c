"""Heaters heat and cool, and what is told of it."""

import re

import pytest

from callboard.printing.virtual import Faults, Identity, Virtual
from tests.printing.virtual.talking import Talk


def temperature(line: str, name: str = "T") -> float:
    found = re.search(rf"(?<![A-Z@]){name}:(-?[\d.]+)", line)
    assert found, line
    return float(found[1])


def test_m105_tells_temperatures_in_its_ok() -> None:
    assert Talk().say("M105") == ["ok T:21.30 /0.00 B:21.30 /0.00 @:0 B@:0"]


def test_m104_does_not_wait_and_it_becomes_warm() -> None:
    talk = Talk()
    assert talk.say("M104 S200") == ["ok"]
    talk.wait(10)
    warm = temperature(talk.say("M105")[0])
    assert 40 < warm < 100
    talk.wait(100)
    assert temperature(talk.say("M105")[0]) == 200
    talk.say("M104 S0")
    talk.wait(60)
    assert 30 < temperature(talk.say("M105")[0]) < 195


def test_m109_waits_and_tells_it_every_second() -> None:
    talk = Talk()
    talk.say("M109 S200")
    said = talk.until("ok")
    told = [line for line in said if line.startswith(" T:")]
    assert 55 < len(told) < 75
    assert told[0].endswith("W:?")
    assert told[-1].endswith(("W:1", "W:0"))
    assert sum(line == "echo:busy: processing" for line in said) > 25


def test_m190_waits_for_the_bed() -> None:
    talk = Talk()
    talk.say("M190 S60")
    talk.until("ok")
    assert temperature(talk.say("M105")[0], "B") == 60


def test_waiting_with_s_does_not_wait_for_cooling_but_with_r_it_does() -> None:
    talk = Talk()
    talk.say("M109 S200")
    talk.until("ok")
    talk.say("M109 S100")
    assert talk.heard[-1] == "ok"
    talk.say("M109 R50")
    began = talk.now
    talk.until("ok")
    assert talk.now - began > 30


def test_m108_ends_a_wait_for_heat_although_it_comes_behind_it() -> None:
    talk = Talk()
    talk.say("M109 S200")
    talk.wait(3)
    assert talk.say("M108") == ["ok", "ok"]
    assert list(talk.printer.accepted) == ["M109 S200", "M108"]


def test_m155_tells_temperatures_again_and_again() -> None:
    talk = Talk()
    talk.say("M155 S2")
    assert len(talk.wait(10.5)) == 5
    talk.say("M155 S0")
    assert talk.wait(10) == []


def test_reports_go_on_while_a_command_takes_its_time() -> None:
    talk = Talk()
    talk.say("M155 S1", "G4 S5")
    assert sum(line.startswith(" T:") for line in talk.until("echo:busy")) >= 1


def test_heat_follows_the_faster_clock() -> None:
    talk = Talk(Virtual(speed=1000))
    talk.say("M109 S200")
    began = talk.now
    talk.until("ok")
    assert talk.now - began < 0.2


def test_slow_heaters_are_slow() -> None:
    talk = Talk(Virtual(faults=Faults(slow_heaters=10)))
    talk.say("M104 S200")
    talk.wait(10)
    assert temperature(talk.say("M105")[0]) < 30


def test_what_is_missing_is_unknown() -> None:
    talk = Talk(Virtual(bed=False))
    assert talk.say("M105") == ["ok T:21.30 /0.00 @:0"]
    assert talk.say("M140 S60") == ['echo:Unknown command: "M140 S60"', "ok"]
    assert talk.say("M104 T3 S200") == ["echo:M104 Invalid extruder 3", "ok"]


@pytest.mark.parametrize(
    ("firmware", "said"),
    [
        (Identity.MARLIN, "ok T:21.30 /0.00 B:21.30 /0.00 T0:21.30 /0.00 T1:21.30 /0.00 @:0 B@:0 @0:0 @1:0"),
        (Identity.SMOOTHIE, "ok T:21.3 /0.0 @0 T1:21.3 /0.0 @0 B:21.3 /0.0 @0"),
        (Identity.KLIPPER, "ok B:21.3 /0.0 T0:21.3 /0.0 T1:21.3 /0.0"),
        (Identity.REPETIER, "ok T:21.30 /0 B:21.30 /0 B@:0 @:0 T0:21.30 /0 @0:0 T1:21.30 /0 @1:0"),
        (Identity.REPRAP, "ok T:21.3 /0.0 T0:21.3 /0.0 T1:21.3 /0.0 B:21.3 /0.0"),
    ],
)
def test_each_firmware_writes_temperatures_its_own_way(firmware: Identity, said: str) -> None:
    assert Talk(Virtual(firmware=firmware, hotends=2)).say("M105") == [said]


def test_repetier_echoes_targets() -> None:
    assert Talk(Virtual(firmware=Identity.REPETIER)).say("M104 S200")[0] == "TargetExtr0:200"


def test_a_chamber_is_a_heater_too() -> None:
    talk = Talk(Virtual(chamber=True))
    assert "C:21.30 /0.00" in talk.say("M105")[0]
    assert "Cap:CHAMBER_TEMPERATURE:1" in talk.say("M115")
