"""The firmware's loop: lines to commands to actions, one at a time, in the order in which they came.

    bytes -> Intake -> queue (4) -> a command -> Planner (16) -> ok
                SD card --^              |
                                         +--> a task that waits (heat-up, G4, G28, M600)

A command that is over at once returns nothing; one that takes time is a task: it says until when it
waits, and meanwhile nothing behind it runs, while reports and `busy` go on. `now` never comes from a
clock. Source: facts 3.3 to 3.9, Marlin's own order of doing things.
"""

from __future__ import annotations

from collections import deque
from math import inf
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from callboard.printing.virtual.card import Card
from callboard.printing.virtual.commands import COMMANDS
from callboard.printing.virtual.dialect import DIALECTS, temperatures
from callboard.printing.virtual.heaters import Heaters
from callboard.printing.virtual.intake import Arrival, Intake, Verdict, rules
from callboard.printing.virtual.moving import Machine, move
from callboard.printing.virtual.noise import Spoiler
from callboard.printing.virtual.outbox import Outbox
from callboard.printing.virtual.planner import Planner
from callboard.printing.virtual.saying import ok, refuse
from callboard.printing.virtual.settings import Virtual
from callboard.printing.virtual.timers import Timers
from callboard.printing.virtual.troubles import Troubles
from callboard.printing.virtual.waits import Busy, Task
from callboard.printing.virtual.words import bare, words

if TYPE_CHECKING:
    from collections.abc import Iterable


_LINES = frozenset({"G0 ", "G1 "})


class Queued(NamedTuple):
    """A command in the queue."""

    text: str
    """Without number and checksum."""
    number: int | None
    from_card: bool


class Firmware:
    """What runs on the board; handlers in moving, heating, filing and telling work on it."""

    def __init__(self, settings: Virtual) -> None:
        random = Random(settings.seed)
        faults = settings.faults
        self.settings, self.random = settings, random
        self.dialect = DIALECTS[settings.firmware]
        self.now = 0.0
        self.alive = True
        self.hearing = Spoiler(faults.incoming, random)
        self.out = Outbox(faults.line_end, Spoiler(faults.outgoing, random))
        self.intake = Intake(rules(settings, self.dialect.doubled, self.dialect.numbered))
        self.planner = Planner(settings.planner_buffer, settings.acceleration, settings.jerk, settings.speed)
        self.heaters = Heaters(
            1 if settings.shared_nozzle else settings.hotends,
            settings.bed,
            settings.chamber,
            settings.ambient,
            settings.speed,
            faults.slow_heaters,
        )
        self.machine = Machine(settings)
        self.card = Card(settings.sd, settings.has_sd)
        self.timers = Timers(self.dialect.wait if settings.wait is None else settings.wait, settings.busy)
        self.troubles = Troubles(faults.planned)
        self.accepted: deque[str] = deque(maxlen=settings.remember)
        self.ran: deque[str] = deque(maxlen=settings.remember)
        self.queue: deque[Queued] = deque()
        self.current: Queued | None = None
        self.heating = False
        """A command waits for a temperature; M108 sets it back."""
        self.asking = False
        """A command waits for a person; M108 and M876 set it back."""
        self.answered = False
        """The current command's ok has been said already."""
        self._task: Task | None = None
        self._until = inf
        self.busy = Busy.PROCESSING
        """What the running command waits for."""
        self._hung = -inf

    # --- time --------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin to exist: the first of all times."""
        self.now = now
        self.heaters.run(now)
        self.timers.restart(now)

    def run(self, now: float) -> None:
        """Do everything that falls due until `now`, each thing at its own time."""
        while True:
            self.work()
            due = self.due()
            if due > now:
                break
            self.now = max(self.now, due)
            self.work()  # what ends just now needs no `busy` any more
            self._tick()
        self.now = max(self.now, now)

    def due(self) -> float:
        """Return when there will be something to do."""
        if not self.alive:
            return self.troubles.due
        if self._hung > self.now:
            return min(self._hung, self.troubles.due)
        due = self.timers.due
        if self._task is not None and self._until < due:
            due = self._until
        return min(self.troubles.due, due)

    def _tick(self) -> None:
        now = self.now
        if self.troubles.due <= now:
            self.troubles.on_time(self)
        if self.alive and self.timers.due <= now and self._hung <= now:
            self.timers.tick(self)

    def work(self) -> None:
        """Do what can be done now."""
        while self.alive and self._hung <= self.now:
            more = self._fill()
            if self._task is not None:
                if self._until > self.now:
                    break
                self._resume()
            elif self.queue:
                self._start(self.queue.popleft())
            elif not more:
                break
        self.intake.settle(self.is_full())

    # --- lines in ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        if not self.alive:
            if self.settings.debug and data.startswith(b"!!DEBUG:"):  # the only thing that wakes the dead
                self.troubles.told(self, data[:200].decode("latin-1"))
            return
        data = self.hearing(data)
        if self.settings.emergency_parser:
            for text in self.intake.urgent(data):
                self._urgent(text)
        if self.alive:
            self.intake.feed(data)
            self.work()

    def is_full(self) -> bool:
        """Whether the command queue is full; the running command keeps its place in it."""
        return len(self.queue) + (self._task is not None) >= self.settings.command_buffer

    def _fill(self) -> bool:
        """Fill the queue from the wire and the card; returns whether there was something."""
        some = False
        while not self.is_full():
            arrival = self.intake.next(self.card.saving)
            if arrival is not None:
                self._arrived(arrival)
            elif not (self.card.printing and self._from_card()):
                break
            some = True
            if not self.alive:
                break
        return some

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.verdict is Verdict.REFUSED:
            refuse(self, arrival.error)
        elif arrival.verdict is Verdict.TAKEN:
            text = bare(arrival.text)
            if text.startswith("!!DEBUG") and self.settings.debug:
                self.troubles.told(self, text)
            elif not self.troubles.on_line(self, arrival):
                self.queue.append(Queued(text, arrival.number, False))
                self.timers.heard(self.now)

    def _from_card(self) -> bool:
        line = self.card.line(self.settings.line_length)
        if line is None:
            self.card.printing = False
            line = "M1001"  # Marlin's own word for the end of a print
        if line:
            self.queue.append(Queued(line, None, True))
        return True

    def _urgent(self, text: str) -> None:
        found = words(text)
        if found.code == "M112":
            self.kill()
        elif found.code == "M108":
            self.go_on()
        elif found.code == "M876":
            self.asking = False
            self.wake()
        elif found.code == "M410":
            self.planner.clear()
            self.wake()

    # --- commands ------------------------------------------------------------------------------

    def _start(self, queued: Queued) -> None:
        text = queued.text
        self.current, self.answered = queued, False
        (self.ran if queued.from_card else self.accepted).append(text)
        if self.card.saving:
            self.card.save(self, text)
            if self.alive:
                self._over()
            return
        if self.settings.faults.ok_first and not queued.from_card and not text.startswith("M105"):
            ok(self, queued.number)
        if text[:3] in _LINES and not self.troubles.watching and not self.machine.locked:
            task = move(self, text[3:])  # nine of ten lines: no need to look closer
        else:
            task = self._command(text)
        if self.is_cut_off():
            return
        if task is None:
            self._over()
        else:
            self._task, self._until = task, self.now
            self.timers.begin(self.now)

    def _command(self, text: str) -> Task | None:
        found = words(text)
        self.troubles.on_command(self, found.code)
        handler = COMMANDS.get(found.code)
        if self.is_cut_off():
            return None
        if self.machine.locked and found.code != "M511":
            self.say("echo:Printer locked! (Unlock with M511 or LCD)")
            return None
        if handler is not None:
            return handler(self, found)
        self.say(self.dialect.unknown.format(text))
        return None

    def _resume(self) -> None:
        assert self._task is not None
        wait = next(self._task, None)
        if self.is_cut_off():
            return
        if wait is None:
            self._task = None
            self.timers.end()
            self._over()
        else:
            self._until, self.busy = max(wait.until, self.now), wait.busy

    def _over(self) -> None:
        queued, self.current = self.current, None
        self.timers.heard(self.now)
        if queued is not None and not queued.from_card and not self.answered:
            ok(self, queued.number)

    def wake(self) -> None:
        """Let the waiting command look again."""
        self._until = self.now

    def go_on(self) -> None:
        """M108: end the waiting for a temperature or a person."""
        self.heating = self.asking = False
        self.wake()

    def is_cut_off(self) -> bool:
        """Whether the running command was ended from within, by a kill or a reset."""
        return not self.alive or self.current is None

    def hang(self, seconds: float) -> None:
        """Do nothing at all for a while; what comes meanwhile waits in the receive buffer."""
        self._hung = self.now + seconds

    def inject(self, text: str) -> None:
        """Give the firmware a command of its own, next in turn."""
        self.queue.appendleft(Queued(text, None, True))

    # --- saying, ending ----------------------------------------------------------------------------

    def say(self, line: str) -> None:
        """Say a line now."""
        self.out.say(line, self.now)

    def say_all(self, lines: Iterable[str]) -> None:
        """Say lines now; temperatures may come between them if that is one of the faults."""
        for number, line in enumerate(lines):
            self.out.say(line, self.now)
            if number == 0 and self.settings.faults.stray_reports:
                self.out.say(f" {self.temperatures()}", self.now)

    def temperatures(self) -> str:
        """Return the temperatures as this firmware writes them."""
        self.heaters.run(self.now)
        return temperatures(self.dialect, self.heaters, self.machine.tool)

    def progress(self) -> float | None:
        """Return how far the print is (0 to 1), from the card or as M73 told it."""
        if self.card.running and self.card.size:
            return self.card.position / self.card.size
        return self.machine.progress

    def kill(self, *reasons: str) -> None:
        """Stop for good: heaters off, nothing is heard until a reset."""
        for line in (*reasons, *self.dialect.fatal):
            self.say(line)
        self.heaters.run(self.now)
        self._stop()
        self.alive = False

    def reset(self) -> None:
        """Start anew; what is hot stays hot for a while."""
        self.heaters.run(self.now)
        self._stop()
        self.alive = True
        self._hung = -inf
        self.out.silent_until = -inf
        self.intake.restart()
        self.machine = Machine(self.settings)
        self.timers.restart(self.now)
        self.card.restart()
        self.say_all(self.dialect.greeting)
        if self.settings.faults.greeting_garbage:
            self.say("\x80")
        if self.card.present and self.dialect.capabilities.get("SDCARD"):
            self.say("echo:SD card ok")

    def _stop(self) -> None:
        self.heaters.off()
        self.planner.clear()
        self.queue.clear()
        self.intake.clear()
        self.card.printing = False
        self._task = self.current = None
        self.heating = self.asking = False
        self.timers.end()
