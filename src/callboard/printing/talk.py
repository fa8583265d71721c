"""Lines to the printer: each looked at before it is sent, and followed until it is acknowledged.

A `Ticket` stands for lines that belong together: it is done when the last of them was acknowledged.
A line of the file carries its `Command` as mark, any other a `Mark`: so no line is parsed twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from callboard.config.printer import Printer
from callboard.printing.gcode import Command, command
from callboard.printing.life import Life
from callboard.printing.marlin import Kind, Line, Protocol
from callboard.printing.suppressing import suppressed, why_not

BREAKABLE: Final = frozenset({"M109", "M190", "M191", "M116", "M303", "M600", "M701", "M702", "M0", "M1"})
"""Commands that wait until something is hot, or for somebody; M108 breaks the wait."""


class Ticket:
    """Lines under way together."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0

    def done(self) -> bool:
        """Return whether all of them were acknowledged."""
        return self.left <= 0


class Mark(Struct, frozen=True):
    """What a line of ours carries: its command, its ticket, and whether its event is left out."""

    command: Command
    ticket: Ticket
    quiet: bool = False


class Talk:
    """Sends lines of scripts, of people and of the host."""

    def __init__(self, protocol: Protocol, life: Life, printer: Printer) -> None:
        self._protocol, self._life, self._printer = protocol, life, printer
        self._waiting = 0

    def send(self, texts: Iterable[str], kind: Kind = Kind.SCRIPT, *, quiet: bool = False) -> Ticket:
        """Queue lines and return their ticket; what the printer lacks is suppressed and told."""
        ticket = Ticket()
        for text in texts:
            found = command(text)
            if not found.text or self._suppress(found):
                continue
            ticket.left += 1
            self._waiting += found.code in BREAKABLE
            self._protocol.send(Line(found.text, kind, 0, Mark(found, ticket, quiet)))
        return ticket

    def acknowledged(self, mark: Mark) -> None:
        """Take note that a line was acknowledged."""
        mark.ticket.left -= 1
        self._waiting -= mark.command.code in BREAKABLE

    def drop(self) -> None:
        """Forget the queued lines of scripts; nobody waits for their tickets any more."""
        self._protocol.drop(Kind.SCRIPT)

    def waits(self) -> bool:
        """Return whether the printer may be waiting in a line of ours."""
        return self._waiting > 0

    def forget(self) -> None:
        """Forget what is under way: the printer has forgotten it too."""
        self._waiting = 0

    def _suppress(self, found: Command) -> bool:
        message = why_not(found, self._printer)
        if message is None:
            return False
        self._life.say("CommandSuppressed", suppressed(found, message))
        return True
