"""Lines in flight: writing them, and what an ok means. The theory stands in `stream`.

Source: facts/print-host-facts.md 3.3.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Final

from callboard.printing.lines import HELLO, Anchor, Entry, History, bare, frame
from callboard.printing.pipe import Pipe
from callboard.printing.queues import Queues
from callboard.printing.reports import Acknowledged, Kind, Line, Report
from callboard.printing.settings import Marlin
from callboard.printing.surplus import Surplus

_CERTAIN_EVERY: Final = (25, 100)
"""Lines between two certainties: where oks were lost lately, and where none were."""
_IGNORED: Final = 2
"""Plain oks at a fence before its own answer counts as lost."""
_RUNAWAY: Final = 6
"""So many oks too many, and we may be far ahead: then only the answer itself counts."""
_NUMBERLESS: Final = 8
"""Oks without number, after which firmware that numbered its oks is no longer believed to."""


class Flight:
    """Lines in, bytes out, oks in: each line acknowledged once, in order."""

    def __init__(self, settings: Marlin, queues: Queues, reports: list[Report]) -> None:
        self._limit = settings.rx_buffer
        self._max_line = settings.max_line
        self._max_resends = settings.max_resends
        self._queues, self.reports = queues, reports
        self.history = History(settings.history)
        self.fences_work: bool | None = None
        """Whether M105 is answered by `ok T:`; None until it is seen."""
        self.clear()

    def clear(self) -> None:
        """Forget everything in flight."""
        self.history.restart()
        self.cursor = 1
        self.owed: deque[Entry] = deque()
        self.pipelining = False
        self.fencing = True
        self.numbered_oks = False
        self.anchor = Anchor.NONE
        self.doubt = False
        self.surplus = Surplus()
        self.resends = self.written = 0
        self.asking = False
        self._weight = self._stale = 0
        self._held: Entry | None = None
        self.fences = self._ignored = 0
        self._hurt = self._foreign = False
        self._since_certain = 0
        self._certain_every = _CERTAIN_EVERY[1]
        self._asked: int | None = None
        self.wanted: int | None = None
        self._pipe = Pipe()
        self._stale_lines = self._attempts = self._acted = self._impossible = self._anchored = 0

    # What may be written

    @property
    def resending(self) -> bool:
        """Whether lines have to be written again before new ones."""
        return self.cursor < self.history.next

    @property
    def asked(self) -> int | None:
        """The line that was asked for and is not yet acknowledged."""
        return self._asked

    def only_fences(self) -> bool:
        """Return whether nothing but fences is in flight; where they stay unanswered nobody misses them."""
        return self._held is None and all(entry.fence for entry in self.owed)

    def has(self, kind: Kind) -> bool:
        """Return whether a line of a kind was written and is not yet acknowledged."""
        again = (self.history[number] for number in range(self.cursor, self.history.next))
        held = () if self._held is None else (self._held,)
        entries = itertools.chain(self.owed, held, again)
        return any(e.line is not None and not e.told and e.line.kind is kind for e in entries)

    @property
    def unacknowledged(self) -> bool:
        """Whether an ok is awaited."""
        return bool(self.owed) or self._held is not None

    def fits(self, size: int) -> bool:
        """Return whether a line of so many bytes can be written now."""
        owed = self.owed
        if not owed:
            return True
        if not self.pipelining or size > self._max_line or owed[-1].alone:
            return False
        in_flight = self._weight + self._stale
        if not self.surplus.grows:
            in_flight -= owed[0].weight
        return in_flight + size <= self._limit or not in_flight

    def fence_fits(self) -> bool:
        """Return whether a fence can be written: the line that the firmware works at has left its buffer."""
        if not self.owed:
            return True
        size = len(str(self.history.next)) + 12
        return self._weight + self._stale - self.owed[0].weight + size <= self._limit

    def wants_fence(self) -> bool:
        """Return whether there is doubt that a fence can end."""
        return (
            self.doubt and bool(self.fences_work) and self.fencing and not (self.fences or self.numbered_oks)
        )

    # Writing

    def write(self, text: str, line: Line | None, *, numbered: bool, alone: bool = False) -> bytes:
        """Return a new line's bytes; its ok is awaited from now on, with nothing beside it if `alone`."""
        if numbered:
            number = self.history.next
            entry = Entry(text, line, number, frame(number, text))
            entry.alone = alone
            self.history.append(entry)
            self.cursor = number + 1
        else:
            entry = Entry(text, line, None, bare(text))
            entry.alone = True
        self._launch(entry)
        return entry.data

    def write_again(self) -> bytes:
        """Return the bytes of the next line that was asked for again."""
        entry = self.history[self.cursor]
        self.cursor += 1
        self._launch(entry)
        return entry.data

    def write_urgent(self, text: str) -> bytes:
        """Return the bytes of a line that is written whatever is in flight."""
        entry = Entry(text, None, None, bare(text))
        self._launch(entry)
        return entry.data

    def write_anchor(self) -> bytes:
        """Return the next step of numbering anew; call it when nothing is in flight."""
        if self.anchor is Anchor.DUE:
            self.history.restart()
            self.cursor = 1
            self._pipe.restart()
            self._settle_refusals()
            entry = Entry("M110 N0", None, 0, HELLO)
            self.anchor = Anchor.SENT
            self.surplus.mark()
        else:
            entry = Entry("M105", None, 1, frame(1, "M105"))
            self.history.append(entry)
            self.cursor = 2
            self.anchor = Anchor.PROVING
        entry.alone = True
        self._launch(entry)
        return entry.data

    def ask(self) -> bytes:
        """Return a line that the firmware refuses for certain: its complaint says what it accepted last."""
        self.asking = True
        return frame(self._oldest() - 3, "M105")

    def _launch(self, entry: Entry) -> None:
        entry.weight = len(entry.data)
        if entry.weight > self._max_line:
            entry.alone = True
        self.owed.append(entry)
        self._weight += entry.weight
        self.written += 1
        if entry.number is not None:
            self._pipe.wrote(entry.number)
        if entry.fence:
            self.fences += 1
            self._ignored = 0
            self.doubt = self._hurt = False

    # Oks

    def ok(self) -> None:
        """Take a plain ok."""
        owed = self.owed
        if self.surplus.paired and self.surplus.is_twin("plain"):
            return
        if not owed:
            self.surplus.count += 1
            self._foreign = False
        elif self._foreign:
            self._foreign, self.doubt = False, True
        elif self.numbered_oks and owed[0].number is not None:
            self._numberless()
        elif self._held is not None or (owed[0].fence and self.fences_work):
            self._at_fence()
        elif len(owed) == 1 and self._must_hold(owed[0]):
            self._hold()
        else:
            self._pop()

    def ok_number(self, number: int) -> None:
        """Take an ok that says whose it is; an old one says nothing."""
        self.numbered_oks = True
        self._foreign = False
        if any(entry.number == number for entry in self.owed):
            self._release()
            while self.owed[0].number != number:
                self._pop()
            self._pop()
            self._certain()

    def ok_fence(self) -> int | None:
        """Take `ok T:`; returns how many lines before the fence had lost their ok, None without a fence."""
        if self.surplus.paired and self.surplus.is_twin("fence"):
            return None
        if not self.fences:
            if self.fences_work is None:
                self.ok()
            self.surplus.count += 1
            return None
        self.fences_work = True
        self._foreign = False
        self._release()
        lost = 0
        while not self.owed[0].fence:
            self._pop()
            lost += 1
        self._pop()
        self._certain()
        # More fences than one are sent when one seemed lost: behind this answer the others may never come.
        self._hurt = bool(self.fences) and self.only_fences()
        if lost and self.surplus.paired:
            self.surplus.unpair()
        calm = min(self._certain_every + _CERTAIN_EVERY[0] // 2, _CERTAIN_EVERY[1])
        self._certain_every = _CERTAIN_EVERY[0] if lost else calm
        return lost

    def hurt(self) -> None:
        """Something damaged was heard: it may have been an ok."""
        if self.unacknowledged:
            self.doubt = self._hurt = True

    def foreign(self, command: str) -> None:
        """The firmware complains of a command; if it is none of ours, noise made it, and its ok."""
        ours = any(entry.text.startswith(command) or command in entry.text for entry in self.owed)
        self._foreign = bool(command) and not ours and bool(self.owed) and self.owed[0].number is not None

    def credit(self) -> None:
        """Count the oldest line as done: nothing better is to be had from this firmware."""
        self._release()
        if self.owed:
            self._pop()

    def all_done(self) -> None:
        """Count everything in flight as done."""
        self._release()
        while self.owed:
            self._pop()

    def _pop(self) -> None:
        entry = self.owed.popleft()
        self._weight -= entry.weight
        if entry.fence:
            self.fences -= 1
        number = entry.number
        if number is not None:
            self._pipe.taken(number)
            if self._asked is not None and number >= self._asked:
                self._settle_refusals()
        self._tell(entry)
        self._since_certain += 1
        if self._since_certain >= self._certain_every:
            self.doubt, self._since_certain = True, 0
        if entry.alone and not self.owed and self.anchor is Anchor.PROVING:
            self.anchor, self._anchored = Anchor.NONE, 0

    def _tell(self, entry: Entry) -> None:
        if not entry.told:
            entry.told = True
            assert entry.line is not None
            self.reports.append(Acknowledged(entry.line))

    def _must_hold(self, entry: Entry) -> bool:
        """Return whether this is the end of a stretch of which nothing is certain yet."""
        return bool(
            self.fences_work
            and self.fencing
            and not entry.alone
            and not entry.told
            and entry.number is not None
            and not self._queues.count
            and not self.resending
        )

    def _hold(self) -> None:
        self._held = self.owed.popleft()
        self._weight -= self._held.weight
        self.doubt = True

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._tell(held)

    def _at_fence(self) -> None:
        """A plain ok where the fence's answer is due: we are ahead, or the answer was lost."""
        self._ignored += 1
        if not self.owed[0].fence:
            return
        self.surplus.count += 1
        self._certain_every = _CERTAIN_EVERY[0]
        if not self._hurt and (self._ignored <= _IGNORED or self.surplus.count > _RUNAWAY):
            return
        self._release()
        counted, self._ignored = self._ignored - 1, 0
        self._pop()
        lines = itertools.takewhile(lambda entry: not entry.fence, tuple(self.owed))
        for _ in itertools.islice(lines, counted):
            self._pop()
        self._hurt, self.doubt = False, True

    def _numberless(self) -> None:
        self._ignored += 1
        if self._ignored > _NUMBERLESS:
            self.numbered_oks, self._ignored = False, 0

    def _certain(self) -> None:
        self._since_certain = self._ignored = 0
        self._hurt = False

    def _settle_refusals(self) -> None:
        self._asked = self.wanted = None
        self._attempts = self._stale = self._stale_lines = self._acted = 0

    def _oldest(self) -> int:
        """Return the lowest number that may not have been accepted."""
        if self._held is not None and self._held.number is not None:
            return self._held.number
        numbers = (entry.number for entry in self.owed if entry.number is not None)
        return min(next(numbers, self.cursor), self.cursor)

    def forget_stale(self) -> None:
        """Refused lines are no longer on the way."""
        self._stale = self._stale_lines = 0
