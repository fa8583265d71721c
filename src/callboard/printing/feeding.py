"""Feeding: the program, line by line, to the protocol as it has room.

Some lines are not sent but mean something to the host, as `@pause` and M0 do. At such a line feeding
stops: it is `halted` once all lines before it were acknowledged, so that what it asks for happens
where it stands in the file. A pause takes back what was not written yet, and it comes again later.

Source: facts/print-host-facts.md 3.8 (commands in the stream).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from callboard.config.printer import Printer
from callboard.printing.flow import Flow
from callboard.printing.gcode import Command, command
from callboard.printing.life import Life, Selection
from callboard.printing.marlin import Kind, Line, Protocol
from callboard.printing.program import BadProgram, Program
from callboard.printing.suppressing import suppressed, why_not, why_not_copied
from callboard.printing.talk import BREAKABLE, Talk

_TURN: Final = 2000
"""How many lines without a command are read at once: a file of comments must not hold others up."""

_PLAIN: Final = frozenset({"G1", "G0", "G2", "G3", "G92"})
_HALTING: Final = frozenset({"M0", "M1", "M25", "M226", "M112"})


class Feed:
    """Gives a program's lines to the protocol, of one job or transfer at a time."""

    def __init__(self, protocol: Protocol, life: Life, printer: Printer) -> None:
        self._protocol, self._life, self._printer = protocol, life, printer
        self._program: Program | None = None
        self._ahead: deque[Line] = deque()
        self._again: deque[Line] = deque()
        self._halt: Command | None = None
        self._copying = False
        self._held = True
        self._ended = False
        self.fault = ""
        self.more = False
        self.position = 0

    def begin(self, program: Program, *, copying: bool = False) -> None:
        """Begin with a program's first line; `copying` to the card nothing in it means anything to us."""
        self.stop()
        try:
            program.rewind()
        except (OSError, ValueError, BadProgram) as error:
            self.fault = _reason(program, error)
            return
        self._program, self._copying = program, copying
        self._held = self._ended = False

    def stop(self) -> None:
        """Forget the program and what was not written of it."""
        self._program, self._halt = None, None
        self._protocol.drop(Kind.FILE)
        self._ahead.clear()
        self._again.clear()
        self._held, self.more = True, False
        self.fault = ""

    def hold(self) -> None:
        """Stop here; what was not written yet comes again after `go_on`."""
        self._held, self.more = True, False
        for _ in range(min(self._protocol.drop(Kind.FILE), len(self._ahead))):
            self._again.appendleft(self._ahead.pop())

    def go_on(self) -> None:
        """Go on behind the line at which it stopped."""
        self._held = False

    def pass_halt(self) -> None:
        """What it stopped at is being seen to: go on behind it, once nothing else holds it."""
        self._halt = None

    def acknowledged(self, line: Line) -> None:
        """Take note that a line of the program was acknowledged; they come in order."""
        if self._ahead and self._ahead[0] is line:
            self._ahead.popleft()
            self.position = line.position

    @property
    def stands(self) -> bool:
        """Whether it has come to a point where somebody must look: an end, a halt, a fault."""
        return self._ended or self._halt is not None

    def waits(self) -> bool:
        """Return whether the printer may be waiting in a line of the program."""
        return any(line.mark.code in BREAKABLE for line in self._ahead)

    @property
    def finished(self) -> bool:
        """Whether the program's last line was acknowledged."""
        return self._ended and not (self._ahead or self._again or self._held or self._halt)

    @property
    def halted(self) -> Command | None:
        """The command that feeding stopped at, once all before it was acknowledged."""
        if self._halt is None or self._held:
            return None
        return None if self._ahead or self._again else self._halt

    def fill(self) -> None:
        """Hand lines over while there is room for them."""
        if self._held or self._program is None:
            return
        room, send, ahead, again = self._protocol.room, self._protocol.send, self._ahead, self._again
        self.more = False
        while room():
            line = again.popleft() if again else self._next(self._program)
            if line is None:
                return
            ahead.append(line)
            send(line)

    def _next(self, program: Program) -> Line | None:
        """Return the next line with a command; None at the end, at a halt, or to go on in the next turn."""
        if self.stands:
            return None
        for _ in range(_TURN):
            try:
                read = program.line()
            except (OSError, ValueError, BadProgram) as error:
                self.fault, self._ended = _reason(program, error), True
                return None
            if read is None:
                self._ended = True
                return None
            found = command(read[0])
            if found.text and ((found.code in _PLAIN and len(found.text) < 100) or self._goes(found)):
                return Line(found.text, Kind.FILE, read[1], found)
            if self._halt is not None:
                return None
        self.more = True
        return None

    def _goes(self, found: Command) -> bool:
        """Return whether a line is sent: it may be ours, or something the printer lacks."""
        if found.text[0] == "@":
            self._halt = None if self._copying else found
            return False
        if not self._copying and found.code in _HALTING:
            self._halt = found
            return False
        message = why_not_copied(found) if self._copying else why_not(found, self._printer)
        if message is None:
            return True
        self._life.say("CommandSuppressed", suppressed(found, message))
        return False


class FileSource:
    """A job whose lines come from a file of ours: a `course.Source`."""

    def __init__(self, feed: Feed, talk: Talk, protocol: Protocol) -> None:
        self._feed, self._talk, self._protocol = feed, talk, protocol

    @property
    def fault(self) -> str:
        """Why no more lines can come; empty while they can."""
        return self._feed.fault

    def start(self, selection: Selection) -> Flow:
        """Let the first line come."""
        if selection.program is not None:
            self._feed.begin(selection.program)
        yield from ()

    def pause(self) -> Flow:
        """Let no more lines come; what was not written is taken back."""
        self._feed.hold()
        yield from ()

    def resume(self) -> Flow:
        """Let lines come again."""
        self._feed.go_on()
        yield from ()

    def stop(self) -> None:
        """Let no line come ever again, and break a heat-up or a wait for somebody: nobody waits for that."""
        if self._feed.waits() or self._talk.waits():
            self._protocol.urgent("M108")
        self._feed.stop()

    def cancel(self) -> Flow:
        """Do nothing more."""
        yield from ()


def _reason(program: Program, error: Exception) -> str:
    if isinstance(error, BadProgram):
        return str(error)
    return f"{program.name} can't be read any more: {error}."
