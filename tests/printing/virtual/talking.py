"""A host of a few lines: it talks to a virtual printer in simulated time."""

from functools import reduce
from operator import xor

from callboard.printing.virtual import Virtual, VirtualPrinter


def framed(number: int, command: str) -> str:
    text = f"N{number} {command}"
    return f"{text}*{reduce(xor, text.encode())}"


MARLIN = Virtual()


class Talk:
    """Says lines and hears lines; `now` moves only when told to."""

    def __init__(self, settings: Virtual = MARLIN, *, opened: bool = True) -> None:
        self.printer = VirtualPrinter(settings)
        self.now = 100.0
        self.number = 0
        self.heard: list[str] = []
        if opened:
            self.printer.open(self.now)
            self.hear()

    def hear(self) -> list[str]:
        new = self.printer.outgoing(self.now).decode("latin-1").splitlines()
        self.heard += new
        return new

    def raw(self, data: bytes) -> list[str]:
        self.printer.receive(data, self.now)
        return self.hear()

    def say(self, *lines: str) -> list[str]:
        return self.raw("".join(f"{line}\n" for line in lines).encode("latin-1"))

    def number_and_say(self, command: str) -> list[str]:
        self.number += 1
        return self.say(framed(self.number, command))

    def wait(self, seconds: float, step: float = 0.1) -> list[str]:
        """Let time pass in steps; returns what was heard."""
        new: list[str] = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + step, end)
            new += self.hear()
        return new

    def until(self, beginning: str, patience: float = 600.0) -> list[str]:
        """Let time pass until such a line is heard."""
        new: list[str] = []
        end = self.now + patience
        while not any(line.startswith(beginning) for line in new):
            assert self.now < end, f"{beginning!r} was not heard, but {new[-5:]}"
            self.now = min(max(self.printer.due, self.now + 0.001), self.now + 1)
            new += self.hear()
        return new
