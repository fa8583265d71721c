"""Lines in flight: which of them the firmware has taken, and what to write next.

THEORY. Three counts are kept apart:

  written       numbered lines that left us; each stays in the history until it is certain
  acknowledged  lines whose ok came. Oks come in the order of lines, but a plain ok does not say whose it is:
                one that was lost lets us lag, one too many (a doubled ok, an ok for a line that noise made)
                lets us run ahead, and counting alone never notices
  accepted      lines that passed the firmware's own check of number and checksum. `Last Line: n` says so

The program is safe by numbers, not by oks: firmware takes a line only as the successor of the last one, so
that neither loss nor repetition can change what it executes, as long as we still have the line that it
asks for. Oks only pace us. What is left is to keep the count right, and it is put right by *fences*:

  An M105 is answered by `ok T:...`, and by nothing else. So when that answer comes, every line before the
  M105 is done, whatever became of its ok. A fence costs 15 bytes and stops nothing. One is sent when there is
  doubt: a damaged line was heard (maybe an ok), a refusal left lines behind, a command that we never
  sent is complained of, nothing was certain for 100 lines. A plain ok where the fence's answer is due
  says that we are ahead: it is not counted. Two more, and the answer itself was lost.

  The last acknowledgement before the stream comes to rest is held back until a fence confirms it. So an
  end is never reported because of an ok too many.

  `ok N12` says it all by itself: then there are no fences, and an ok without its number counts for nothing.

Bytes: the lines not yet acknowledged fit into the receive buffer, all but the oldest: the line that the
firmware works at has left that buffer. So have the others in its command queue (4 lines in Marlin): that is
the reserve that makes a spurious ok harmless until the next fence. Where there was one since the numbers
began, the oldest counts too. That one line more is a third more without a wire's limit, and at 250,000 baud
it bears twice the delay of ours.

A refusal (`Resend: r`) empties the buffer. Lines before r were accepted, r and all after it are written
again with their old numbers. But the lines that were on their way behind r are refused as well, each with a
request for r: *echoes*. Doing what an echo says would double the lines, which makes echoes in turn, for ever.
So a request is not obeyed if its line was written again behind the one that was refused (`pipe`), while a
checksum error is never an echo. Firmware that empties its buffer may have thrown that line away too: then it
is obeyed after 0.05 s without progress. Where requests contradict what was written, nothing more is written
until the wire is quiet for 0.03 s; then nothing is on its way, and the last request is simply true.

Not every beginning is known: M110 may be lost and its ok doubled, and an old count may look like a request
for one of the first lines. So numbers begin with M110 and then one line alone (an M105) that proves it.


What lost: one line at a time (a third of the rate at 250,000 baud); trusting counts (ran ahead of the
firmware by one line for each doubled ok); waiting until the wire is empty after a refusal (5% at 1% noise);
repeating the last line as a probe (newer Marlin drops such a line without a word).
Source: facts/print-host-facts.md 3.3 to 3.5; Marlin's queue.cpp as described there.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

from callboard.printing.flight import Flight
from callboard.printing.lines import Anchor, Entry, frame
from callboard.printing.refusals import Refusal

_ACTED: Final = 3
"""So many times `max_resends` refusals without any progress at all are a loop as well."""
_PROVED_BY_ONE: Final = frozenset({Anchor.SENT, Anchor.PROVING})


class Verdict(Enum):
    """What became of a refusal."""

    ACTED = "the lines are written again"
    ECHO = "it repeats an earlier one"
    UNSURE = "it may repeat one: wait until the wire is quiet"
    SYNCED = "everything was accepted"
    IMPOSSIBLE = "such a line was never sent, or too long ago"
    LOOP = "the same line is refused again and again"


class Stream(Flight):
    """Lines in flight, and what to write again when some of them are refused."""

    def refused(self, refusal: Refusal) -> Verdict:
        """Do what a refusal asks for."""
        asking, self.asking = self.asking, False
        self.surplus.expect("plain")
        if self.anchor in _PROVED_BY_ONE:
            return self._refused_anchor(refusal.numbers)
        number = self._oldest() if not refusal.numbers else self.history.meant(refusal.numbers)
        if number is None:
            return self._refused_impossibly()
        self._impossible = 0
        if number == self.history.next and self.owed and self.owed[0].number is None:
            return self._number(number)
        if number == self.history.next:
            return self._synced(everything=asking or not self.pipelining)
        if asking:
            self._pipe.clear()
            return self.act(number)
        again, self.wanted = self._asked is not None, number
        if self._pipe.refused(number, echo=refusal.echo):
            self._one_less()
            return Verdict.ECHO
        if again and refusal.echo:
            return Verdict.UNSURE
        return self.act(number)

    def act_late(self) -> Verdict:
        """Do what the latest refusal asked for: nothing written before is on its way any more."""
        self._pipe.clear()
        return self.act(self._asked if self.wanted is None else self.wanted)

    def _one_less(self) -> None:
        lines = self._stale_lines
        if lines:
            self._stale, self._stale_lines = self._stale * (lines - 1) // lines, lines - 1

    def act(self, number: int | None) -> Verdict:
        """Write again from a number on."""
        if number is None:
            return Verdict.SYNCED
        self._attempts = self._attempts + 1 if number == self._asked else 1
        self._acted += 1
        self._asked = number
        self.resends += 1
        self._rewind(number)
        looping = self._attempts > self._max_resends or self._acted > _ACTED * self._max_resends
        return Verdict.LOOP if looping else Verdict.ACTED

    def _rewind(self, number: int) -> None:
        """Lines before the number were accepted and have left the buffer; those from it on were not."""
        accepted: deque[Entry] = deque()
        refused: list[Entry] = []
        for entry in self.owed:
            gone = bool(refused) or (entry.number is not None and entry.number >= number)
            (refused if gone else accepted).append(entry)
        behind = [e.weight for e in refused if e.number is not None and e.number > number]
        # Lines that were about to be written again, but had been accepted.
        skipped = (self.history[at] for at in range(self.cursor, number))
        accepted.extend(entry for entry in skipped if not entry.told)
        self._stale_lines, self._stale = len(behind), sum(behind)
        self.cursor = number
        self._keep(accepted)
        if self._held is not None and self._held.number is not None and self._held.number >= number:
            self._held = None

    def _keep(self, accepted: deque[Entry]) -> None:
        for entry in accepted:
            entry.weight = 0
        self.owed = accepted
        self._weight = 0
        self.fences = sum(entry.fence for entry in accepted)
        if not self.pipelining:
            self.all_done()
        self.doubt = self.doubt or bool(accepted)

    def _synced(self, *, everything: bool) -> Verdict:
        """The firmware awaits the line that we write next."""
        if self.resending:
            self._rewind(self.history.next)
        self.cursor = self.history.next
        self._settle_refusals()
        if everything:
            self.all_done()
        else:
            self.doubt = True
        return Verdict.SYNCED

    def _number(self, number: int) -> Verdict:
        """Bare lines were refused: this firmware wants numbers. They get them."""
        refused, self.owed = self.owed, deque()
        self._keep(deque())
        self.history.restart(number)
        for entry in refused:
            entry.number = self.history.next
            entry.data = frame(entry.number, entry.text)
            self.history.append(entry)
        return self.act(number)

    def _refused_impossibly(self) -> Verdict:
        self._impossible += 1
        if self._impossible > 2:
            return Verdict.IMPOSSIBLE
        return self.act(self._oldest())

    def _refused_anchor(self, numbers: tuple[int, ...]) -> Verdict:
        """Numbers are not yet proven: begin again, unless only the proof was hurt."""
        if self._anchored > self._max_resends:
            return Verdict.LOOP
        if self.anchor is Anchor.PROVING and 2 in numbers:
            self.all_done()
            return Verdict.SYNCED
        self.restart_anchor()
        return Verdict.ACTED

    def restart_anchor(self) -> None:
        """Number anew once more."""
        self._pipe.clear()
        self._keep(deque())
        self.cursor = self.history.next
        self._anchored += 1
        self.anchor = Anchor.DUE
