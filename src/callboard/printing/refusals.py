"""Refused lines: the firmware says it in up to three, `Error:`, `Resend:`, `ok`; one of them may be hurt.

What counts as one refusal: an error with `Last Line: n` and the request for n + 1 behind it are the same;
the ok directly behind belongs to it and acknowledges nothing. Firmware that sends the ok first, or none,
is found out: after some refusals without one it is no longer waited for.
Source: facts/print-host-facts.md 3.4, rules 5 and 6.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

_LEARNT: Final = 3
"""So many refusals in a row without an ok: this firmware sends none."""


class Refusal(Struct):
    """A line was refused. `numbers` are asked for, by the error and by the request; they should agree.

    `echo`: its line may be one that was under way behind a refused one.
    """

    numbers: tuple[int, ...]
    echo: bool
    since: float
    asked: bool = False
    """The Resend was seen."""
    others: int = 0
    """Lines since that belong to something else."""


class Refusals:
    """Puts each refusal together; returns it once it is finished. `pending` holds lines back till then."""

    __slots__ = ("_done", "_missed", "_within", "pending", "sends_ok")

    def __init__(self, within: float) -> None:
        self._within = within
        self.clear()

    def clear(self) -> None:
        """Begin anew, with a printer of which nothing is known."""
        self.pending: Refusal | None = None
        self.sends_ok = True
        self._missed = 0
        self._done: tuple[int, ...] | None = None

    @property
    def due(self) -> float:
        """When the ok is waited for no longer."""
        return self.pending.since + self._within if self.pending is not None else float("inf")

    def error(self, last: int | None, echo: bool, now: float) -> Refusal | None:
        """Take an error line; returns the refusal before it, if that is finished by this."""
        before, numbers = self.pending, () if last is None else (last + 1,)
        self.pending = Refusal(numbers, echo, now)
        self._done = None
        return before

    def resend(self, number: int | None, now: float) -> Refusal | None:
        """Take a request; returns a refusal that is finished by this."""
        pending, before = self.pending, None
        numbers = () if number is None else (number,)
        if pending is not None and not pending.asked:
            pending.numbers += numbers
            pending.asked = True
        elif pending is None and numbers and numbers == self._done:
            self._done = None
            return None
        else:
            before, self.pending = pending, Refusal(numbers, True, now, True)
        return before if self.sends_ok else (before or self._finish())

    def ok(self) -> Refusal | None:
        """Take an ok: it belongs to the refusal that this returns, or to a line."""
        if self.pending is None:
            return None
        self._missed, self.sends_ok = 0, True
        done = self._finish()
        if done is not None and not done.asked:
            self._done = done.numbers
        return done

    def other(self) -> Refusal | None:
        """Take any other line; returns the refusal that won't get its ok any more."""
        pending = self.pending
        if pending is None:
            self._done = None
            return None
        pending.others += 1
        return self._finish() if pending.asked or pending.others > 1 else None

    def late(self, now: float) -> Refusal | None:
        """Return the refusal that has waited too long for the rest."""
        if now < self.due:
            return None
        if self.pending is not None and self.pending.asked:
            self._missed += 1
            self.sends_ok = self._missed < _LEARNT
        return self._finish()

    def _finish(self) -> Refusal | None:
        done, self.pending = self.pending, None
        return done
