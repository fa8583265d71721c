"""Granting: whether a wish can be had in the printer's state, and if so, that it begins.

Every refusal is one sentence that says what is in the way. Source: facts/print-host-facts.md 3.1 (gate).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from callboard.config.printer import Printer
from callboard.printing import wishes
from callboard.printing.gcode import command
from callboard.printing.job import State
from callboard.printing.life import Life
from callboard.printing.marlin import Kind
from callboard.printing.meaning import Meaning
from callboard.printing.program import Program
from callboard.printing.steering import ON_REQUEST, Steering, selection_of
from callboard.printing.transfer import short_name
from callboard.printing.wishes import Answer, Wish

MOST_LINES: Final = 1000
"""How many lines one wish may hold."""

_READY: Final = frozenset({State.OPERATIONAL})
_MOVABLE: Final = frozenset({State.OPERATIONAL, State.PAUSED})
_TALKABLE: Final = frozenset(
    {State.OPERATIONAL, State.STARTING, State.PRINTING, State.PAUSING, State.PAUSED, State.RESUMING}
    | {State.CANCELLING, State.FINISHING}
)
_CONNECTABLE: Final = frozenset({State.OFFLINE, State.CLOSED_WITH_ERROR})


class Granting:
    """Answers the wishes to one printer."""

    def __init__(self, printer: Printer, life: Life, steering: Steering, meaning: Meaning) -> None:
        self._printer, self._life, self._steering, self._meaning = printer, life, steering, meaning

    def grant(self, wish: Wish) -> Answer:
        """Grant a wish, or refuse it; the program of a refused one is closed."""
        answer = self._answer(wish)
        program = getattr(wish, "program", None)
        if program is not None and not answer.success:
            program.close()
        return answer

    def _answer(self, wish: Wish) -> Answer:
        gate = _GATES.get(type(wish))
        if gate is None:
            return Answer(False, f"{self._printer.name} knows no such wish.")
        states, begin = gate
        if self._steering.leaving and not isinstance(wish, wishes.Disconnect):
            return self._no("is being disconnected: connect it again first.")
        if states is not None and self._life.state not in states:
            return self._in_the_way()
        return begin(self, wish)

    def _in_the_way(self) -> Answer:
        state = self._life.state
        if state is State.ERROR or state in _CONNECTABLE or not self._life.is_open:
            return self._no(f"is not connected ({self._life.text.lower()}): connect it first.")
        if state is State.TRANSFERRING:
            return self._no("is taking a file onto its card: wait, or cancel it.")
        return self._no(f"has a job ({self._life.text.lower()}): wait for its end, or cancel it.")

    def _select(self, wish: wishes.Select) -> Answer:
        self._life.select(selection_of(wish.program))
        return self._yes(f"{wish.program.name} is selected.")

    def _select_sd(self, wish: wishes.SelectSd) -> Answer:
        if _breaks(wish.path):
            return self._no("can't have such a name on its card: it holds a line break.")
        if self._steering.card.files and self._steering.card.known(wish.path) is None:
            return self._no(f"has no {wish.path!r} on its card: read its list anew, or look at the name.")
        self._steering.card.select(wish.path, then=self._start_card(wish))
        return self._yes(f"The card is asked for {wish.path}.")

    def _start_card(self, wish: wishes.SelectSd) -> Callable[[], None] | None:
        return (lambda: self._steering.start(wish.user)) if wish.then_print else None

    def _deselect(self, _: wishes.Deselect) -> Answer:
        self._life.select(None)
        return self._yes("Nothing is selected.")

    def _start(self, wish: wishes.Start) -> Answer:
        selection = self._life.selection
        if selection is None:
            return self._no("has no file selected: select one first.")
        if selection.size == 0:
            return self._no(f"can't print {selection.path}: the file is empty.")
        self._steering.start(wish.user or (selection.program.user if selection.program else None))
        return self._yes(f"{selection.path} begins.")

    def _print(self, wish: wishes.Print) -> Answer:
        if wish.program.size == 0:
            return self._no(f"can't print {wish.program.path}: the file is empty.")
        self._life.select(selection_of(wish.program))
        return self._start(wishes.Start(wish.program.user))

    def _pause(self, wish: wishes.Pause) -> Answer:
        if self._steering.pause(wish.user):
            return self._yes("It pauses.")
        return self._no_job()

    def _resume(self, wish: wishes.Resume) -> Answer:
        if self._steering.resume(wish.user):
            return self._yes("It goes on.")
        return self._no_job()

    def _cancel(self, wish: wishes.Cancel) -> Answer:
        if self._steering.cancel(wish.user):
            return self._yes("It is called off.")
        return self._no_job()

    def _no_job(self) -> Answer:
        if self._life.state is State.FINISHING:
            return self._no("has printed its last line already.")
        return self._no("has no job.")

    def _gcode(self, wish: wishes.Gcode) -> Answer:
        if len(wish.lines) > MOST_LINES:
            return self._no(f"takes at most {MOST_LINES} lines at once: print a file instead.")
        if any(map(_breaks, wish.lines)):
            return self._no("takes one command a line: this one holds a line break.")
        for line in wish.lines:
            self._line(line)
        return self._yes("Sent.")

    def _line(self, line: str) -> None:
        found = command(line)
        word = found.text.split(maxsplit=1)[0].lower() if found.text else ""
        parses = self._steering.protocol.capabilities.get("EMERGENCY_PARSER", False)
        if found.code == "M112":
            self._steering.emergency("as commanded")
        elif found.code in {"M108", "M410"} and parses:
            self._steering.protocol.urgent(found.text)
        elif word in _HOST_COMMANDS:
            _HOST_COMMANDS[word](self._steering)
        elif found.text and word[0] != "@":
            self._steering.talk.send([found.text], Kind.MANUAL)

    def _jog(self, wish: wishes.Jog) -> Answer:
        words = [f"{axis.upper()}{distance:.4f}" for axis, distance in wish.axes.items() if axis in _AXES]
        if not words or not _are_finite(wish.axes.values()):
            return self._no("can move along x, y and z, by millimetres.")
        speed = [f"F{wish.speed:.0f}"] if wish.speed is not None and _are_finite([wish.speed]) else []
        move = " ".join(["G0", *words, *speed])
        mode = "G90" if wish.absolute else "G91"
        self._steering.talk.send([mode, move, *(self._steering.tracking.modes() or ("G90",))], Kind.MANUAL)
        return self._yes("It moves.")

    def _home(self, wish: wishes.Home) -> Answer:
        axes = [axis.upper() for axis in wish.axes if axis.lower() in _AXES]
        if len(axes) != len(wish.axes):
            return self._no("has the axes x, y and z to send home.")
        self._steering.talk.send([" ".join(["G28", *axes])], Kind.MANUAL)
        return self._yes("It goes home.")

    def _temperature(self, wish: wishes.Temperature) -> Answer:
        lines = []
        for heater, target in wish.targets.items():
            line = self._target(heater, target)
            if isinstance(line, Answer):
                return line
            lines.append(line)
        self._steering.talk.send(lines, Kind.MANUAL)
        return self._yes("The targets are set.")

    def _target(self, heater: str, target: float) -> str | Answer:
        limits = self._printer.limits
        code, limit = {"bed": ("M140", limits.bed), "chamber": ("M141", limits.chamber)}.get(heater, ("", 0))
        number = heater.removeprefix("tool")
        if not code and number.isdecimal() and int(number[:4]) < self._printer.extruders:
            code, limit = f"M104 T{int(number)}", limits.tool
        has = {"bed": self._printer.heated_bed, "chamber": self._printer.heated_chamber}.get(heater, True)
        if not code or not has:
            return self._no(f"has no heater {heater[:40]!r}.")
        if not 0 <= target <= limit:
            return self._no(f"may have its {heater} at 0 to {limit:g} °C: `limits` of the printer says so.")
        return f"{code} S{target:g}"

    def _extrude(self, wish: wishes.Extrude) -> Answer:
        tool = wish.tool
        if not _are_finite([wish.amount, wish.speed]) or abs(wish.amount) > 1000 or wish.speed <= 0:
            return self._no("can push up to 1000 mm at once.")
        if tool is not None and not 0 <= tool < self._printer.extruders:
            return self._no(f"has no tool {tool}.")
        chosen = [f"T{tool}"] if tool is not None else []
        move = f"G1 E{wish.amount:.4f} F{wish.speed:.0f}"
        after = self._steering.tracking.modes() or ("M82",)
        before = self._steering.tracking.position()["t"]
        back = [f"T{before}"] if chosen and before not in {None, tool} else []
        self._steering.talk.send([*chosen, "M83", move, *after, *back], Kind.MANUAL)
        return self._yes("It extrudes.")

    def _refresh_sd(self, _: wishes.RefreshSd) -> Answer:
        self._steering.card.refresh()
        return self._yes("The card is read.")

    def _init_sd(self, _: wishes.InitSd) -> Answer:
        self._steering.talk.send(["M21"], Kind.MANUAL)
        self._steering.card.refresh()
        return self._yes("The card is mounted.")

    def _release_sd(self, _: wishes.ReleaseSd) -> Answer:
        self._steering.talk.send(["M22"], Kind.MANUAL)
        if self._steering.card.forget():
            self._steering.card.say_updated()
        return self._yes("The card is released.")

    def _delete_sd(self, wish: wishes.DeleteSd) -> Answer:
        if _breaks(wish.path):
            return self._no("can't have such a name on its card: it holds a line break.")
        self._steering.card.delete(wish.path)
        return self._yes(f"{wish.path} is deleted from the card.")

    def _transfer(self, wish: wishes.Transfer) -> Answer:
        program, remote = wish.program, wish.remote
        if program.size == 0 or (remote is not None and (_breaks(remote) or not remote.strip("/ "))):
            said = "is empty" if program.size == 0 else "can't have that name there"
            return self._no(f"can't take {program.path} onto its card: the file {said}.")
        self._steering.transfer(program, remote.strip("/ ") if remote else self._free_name(program))
        return self._yes(f"{program.name} is being copied.")

    def _free_name(self, program: Program) -> str:
        return short_name(program.name, [entry.name for entry in self._steering.card.files])

    def _reply(self, wish: wishes.Reply) -> Answer:
        if not self._meaning.prompt.has(wish.choice):
            return self._no("asks nothing that this would answer.")
        self._steering.talk.send([f"M876 S{wish.choice}"], Kind.MANUAL)
        self._meaning.prompt.forget()
        return self._yes("Answered.")

    def _emergency(self, _: wishes.EmergencyStop) -> Answer:
        if self._life.state in _CONNECTABLE:
            return self._no("is not connected: switch it off by hand if need be.")
        self._steering.emergency("as commanded")
        return self._yes("It is stopped.")

    def _disconnect(self, _: wishes.Disconnect) -> Answer:
        if self._steering.leaving or self._life.state in _CONNECTABLE:
            return self._yes("The link is closed, or about to be.")
        if not self._life.is_open:
            self._steering.wants_close = ON_REQUEST
            return self._yes("The link is closed.")
        self._steering.leave()
        return self._yes("The link is being closed.")

    def _yes(self, message: str) -> Answer:
        return Answer(True, message)

    def _no(self, message: str) -> Answer:
        return Answer(False, f"{self._printer.name} {message}")


_AXES: Final = frozenset("xyz")
_HOST_COMMANDS: Final[Mapping[str, Callable[[Steering], Any]]] = {
    "@pause": lambda steering: steering.pause(from_gcode=True),
    "@resume": Steering.resume,
    "@cancel": Steering.cancel,
    "@abort": Steering.cancel,
}
_GATES: Final[Mapping[type[Wish], tuple[frozenset[State] | None, Callable[[Granting, Any], Answer]]]] = {
    wishes.Select: (_READY, Granting._select),
    wishes.SelectSd: (_READY, Granting._select_sd),
    wishes.Deselect: (_READY, Granting._deselect),
    wishes.Start: (_MOVABLE, Granting._start),
    wishes.Print: (_READY, Granting._print),
    wishes.Pause: (None, Granting._pause),
    wishes.Resume: (None, Granting._resume),
    wishes.Cancel: (None, Granting._cancel),
    wishes.Gcode: (_TALKABLE, Granting._gcode),
    wishes.Jog: (_MOVABLE, Granting._jog),
    wishes.Home: (_MOVABLE, Granting._home),
    wishes.Temperature: (_TALKABLE, Granting._temperature),
    wishes.Extrude: (_MOVABLE, Granting._extrude),
    wishes.RefreshSd: (_READY, Granting._refresh_sd),
    wishes.InitSd: (_READY, Granting._init_sd),
    wishes.ReleaseSd: (_READY, Granting._release_sd),
    wishes.DeleteSd: (_READY, Granting._delete_sd),
    wishes.Transfer: (_READY, Granting._transfer),
    wishes.Reply: (_TALKABLE, Granting._reply),
    wishes.EmergencyStop: (None, Granting._emergency),
    wishes.Disconnect: (None, Granting._disconnect),
}


def _breaks(text: str) -> bool:
    return any(mark in text for mark in "\r\n\0")


def _are_finite(numbers: Any) -> bool:
    return all(isinstance(number, int | float) and abs(number) < 1e6 for number in numbers)
