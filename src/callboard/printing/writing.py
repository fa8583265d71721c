"""Whose turn it is to be written: urgent lines; a resend; a fence; MANUAL, HOST, SCRIPT, FILE.

Nothing but urgent lines while a refusal is half said, or while numbers begin anew.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from callboard.printing.conversation import OWN, Conversation
from callboard.printing.lines import Anchor, bare, frame
from callboard.printing.reports import Acknowledged, Line, Sent

_ALONE: Final = frozenset({"M28", "M29", "M110"})
"""Commands that nothing may be in flight beside."""


class Writing:
    """Takes lines out of the queues, one at a time."""

    __slots__ = ("_all", "_stream", "urgent")

    def __init__(self, conversation: Conversation) -> None:
        self._all = conversation
        self._stream = conversation.stream
        self.urgent: deque[str] = deque()

    def next(self, now: float) -> bytes:
        """Return what is to be written next; nothing where it has to wait."""
        stream = self._stream
        if self.urgent:
            return self._write_urgent()
        al = self._all
        if al.refusals.pending is not None or al.hellos_owed or al.quiet_at != inf:
            return b""
        if stream.anchor is not Anchor.NONE:
            return self._write_anchor()
        if stream.resending:
            return self._write_again()
        if (stream.doubt or al.probing) and self._fences():
            return self._write_fence()
        line = self._all.queues.first()
        if line is None:
            return b""
        return self._write(line, now)

    def _write(self, line: Line, now: float) -> bytes:
        stream, al = self._stream, self._all
        text = line.text
        if not stream.fits(len(text) + 14) or not (al.numbered or not stream.owed):
            return b""
        plain = text[:1] == "G"
        alone = not plain and code(text) in _ALONE
        if not plain and ((alone and stream.owed) or not self._may(text, now)):
            return b""
        self._all.queues.take(line)
        own = line.mark is OWN
        if not own:
            al.reports.append(Sent(line))
        if not plain and text[:1] in "!@" and al.known.quirks.name != "klipper":
            return self._write_oddity(line)
        numbered = al.numbered and (plain or al.known.quirks.number_all or text[:1] in "GMT")
        return stream.write(text, None if own else line, numbered=numbered, alone=alone)

    def _may(self, text: str, now: float) -> bool:
        """Take note of what a line that is about to be written will change; False: not now."""
        al = self._all
        code_of = code(text)
        if code_of == "M105":
            if self._stream.fences:
                return False
            al.polling.asked(now)
        elif code_of == "M28":
            al.storing = True
            al.decide()
        elif code_of == "M29":
            al.ending = True
        elif code_of[:1] == "T" and code_of[1:].isdigit():
            al.polling.tool = int(code_of[1:5])
        return True

    def _write_oddity(self, line: Line) -> bytes:
        """Write a line that is no command: nothing answers it."""
        if line.mark is not OWN:
            self._all.reports.append(Acknowledged(line))
        return bare(line.text)

    def _write_urgent(self) -> bytes:
        text = self.urgent.popleft()
        data = self._stream.write_urgent(text)
        if text.startswith("M112") and self._all.numbered:
            data += frame(self._stream.history.next, text)
        return data

    def _fences(self) -> bool:
        """Return whether a fence is wanted and can be written."""
        stream, al = self._stream, self._all
        return (stream.wants_fence() or (al.probing and al.can_fence())) and stream.fence_fits()

    def _write_anchor(self) -> bytes:
        """Number anew, once all that was written before is acknowledged."""
        stream = self._stream
        if stream.anchor is Anchor.DUE:
            if stream.resending:
                return self._write_again()
            if stream.unacknowledged:
                return self._write_fence() if self._fences() else b""
        elif stream.owed:
            return b""
        return stream.write_anchor()

    def _write_again(self) -> bytes:
        stream = self._stream
        entry = stream.history[stream.cursor]
        fits = stream.fits(len(entry.data)) or (entry.fence and stream.fence_fits())
        return stream.write_again() if fits else b""

    def _write_fence(self) -> bytes:
        self._all.probing = False
        return self._stream.write("M105", None, numbered=self._all.numbered)

    def last_words(self) -> list[bytes]:
        """After a fault nothing is acknowledged any more; what makes the printer safe is written as it is."""
        texts = [*self.urgent]
        self.urgent.clear()
        data = [bare(text) for text in texts]
        data += [frame(self._stream.history.next, text) for text in texts if self._all.numbered]
        while line := self._all.queues.first():
            self._all.queues.take(line)
            data.append(bare(line.text))
        return data


def code(text: str) -> str:
    """Return the code at the head of a line: "M109" of "M109 S200", "G1" of "G1X10"."""
    end = 1
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return text[:end] if end > 1 else text.partition(" ")[0]
