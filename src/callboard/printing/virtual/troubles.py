"""When there is trouble: at a line, at a time, on a command, or when somebody says `!!DEBUG:`."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from callboard.printing.virtual.intake import Arrival
from callboard.printing.virtual.mishaps import MOST, TROUBLES
from callboard.printing.virtual.saying import refuse

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware
    from callboard.printing.virtual.settings import Planned

_CHECKSUM = "checksum mismatch, Last Line: "


class Troubles:
    """What is planned, and what waits for the next ok, line or resend."""

    def __init__(self, planned: tuple[Planned, ...]) -> None:
        self._times = sorted((each.time, each.trouble) for each in planned if each.time is not None)
        self._lines: dict[int, list[str]] = {}
        for each in planned:
            if each.line is not None:
                self._lines.setdefault(each.line, []).append(each.trouble)
        self._commands = [each for each in planned if each.command]
        self._seen: dict[str, int] = {}
        self._opened: float | None = None
        self.prepared: deque[str] = deque(maxlen=MOST)
        """Lines to say instead of the next oks."""
        self.oks: deque[str] = deque(maxlen=MOST)
        self.resends: deque[str] = deque(maxlen=MOST)
        self.refusals = 0
        self.resend_ratio = 0.0
        """The share of good lines that are refused."""
        self.sleeps: dict[str, tuple[float, bool]] = {}
        """How long the firmware hangs after a command, and whether each time."""
        self.unplugged = False
        self.comes_back: tuple[float | None, bool] = (None, False)
        self.due = inf

    @property
    def watching(self) -> bool:
        """Whether something is planned for some command."""
        return bool(self._commands or self.sleeps)

    # --- when --------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """The printer is opened: planned times count from the first time on."""
        if self._opened is None:
            self._opened = now
            self._settle()

    def _settle(self) -> None:
        self.due = self._times[0][0] + self._opened if self._times and self._opened is not None else inf

    def on_time(self, firmware: Firmware) -> None:
        """Do what is planned for now."""
        while self.due <= firmware.now:
            _, trouble = self._times.pop(0)
            self._settle()
            self.do(firmware, trouble)

    def on_line(self, firmware: Firmware, arrival: Arrival) -> bool:
        """Do what is planned for a line that arrived; true if the line is refused for it."""
        if arrival.number is None:
            return False
        for trouble in self._lines.pop(arrival.number, ()):
            self.do(firmware, trouble)
        rate = self.resend_ratio or firmware.settings.faults.needless_resend
        if self.refusals or (rate and firmware.random.random() < rate):
            self.refusals = max(self.refusals - 1, 0)
            firmware.intake.last = arrival.number - 1
            firmware.intake.clear()
            refuse(firmware, f"{_CHECKSUM}{arrival.number - 1}")
            return True
        return not firmware.alive or self.unplugged

    def on_command(self, firmware: Firmware, code: str) -> None:
        """Do what is planned for a command, before it runs."""
        if code in self.sleeps:
            seconds, always = self.sleeps[code]
            if not always:
                del self.sleeps[code]
            firmware.hang(seconds)
        if not self._commands or not code:
            return
        count = self._seen[code] = self._seen.get(code, 0) + 1 if len(self._seen) < MOST else 0
        for each in self._commands:
            if each.command == code and each.nth in {0, count}:
                self.do(firmware, each.trouble)

    def ok_trouble(self) -> str:
        """Return what happens to this ok."""
        return self.oks.popleft() if self.oks else ""

    def resend_trouble(self) -> str:
        """Return what happens to this resend request."""
        return self.resends.popleft() if self.resends else ""

    def unplug(self, back_after: float | None, renamed: bool) -> None:
        """Pull the cable, and maybe plug it in again."""
        self.unplugged, self.comes_back = True, (back_after, renamed)

    # --- what --------------------------------------------------------------------------------------

    def told(self, firmware: Firmware, text: str) -> None:
        """Obey `!!DEBUG:word arguments`."""
        self.do(firmware, text.partition(":")[2])

    def do(self, firmware: Firmware, text: str) -> bool:
        """Make trouble; false, and a list of the words, if there is no such word."""
        word, _, argument = text.strip().partition(" ")
        action = TROUBLES.get(word.replace("-", "_"))
        if action is None:
            firmware.say(f"echo:No such trouble: {word[:40]}. There are: {', '.join(sorted(TROUBLES))}")
            return False
        action(firmware, argument.strip())
        return True
