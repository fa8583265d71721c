"""What happens to lines on a bad wire, drawn from a seed: the same seed spoils the same lines."""

from __future__ import annotations

from random import Random

from callboard.printing.virtual.settings import Noise

_GARBAGE = b"\xff\xfe\x80\xc3\x28"


class Spoiler:
    """Spoils complete lines of a stream; what stands after the last line end passes as it is."""

    __slots__ = ("_noise", "_quiet", "_random", "next_line")

    def __init__(self, noise: Noise, random: Random) -> None:
        self._noise, self._random = noise, random
        self._quiet = noise == Noise()
        self.next_line: list[str] = []
        """Kinds of noise that the next lines get for certain, one each."""

    def __call__(self, data: bytes) -> bytes:
        """Return the bytes that arrive."""
        if self._quiet and not self.next_line:
            return data
        return b"".join(map(self._line, data.splitlines(keepends=True)))

    def _line(self, line: bytes) -> bytes:
        if not line.endswith((b"\n", b"\r")):
            return line
        for kind in self._kinds():
            line = _SPOILED[kind](line, self._random)
        return line

    def _kinds(self) -> list[str]:
        if self.next_line:
            return [self.next_line.pop(0)]
        if self._quiet:
            return []
        draw, noise = self._random.random, self._noise
        return [kind for kind in _SPOILED if draw() < getattr(noise, kind)]


def _place(line: bytes, random: Random) -> int:
    """Return the place of a byte before the line end."""
    return random.randrange(max(len(line.rstrip(b"\r\n")), 1))


def _corrupt(line: bytes, random: Random) -> bytes:
    if len(line) < 2:
        return line
    at = _place(line, random)
    return line[:at] + bytes([line[at] ^ (1 << random.randrange(8))]) + line[at + 1 :]


def _drop(line: bytes, random: Random) -> bytes:
    at = _place(line, random)
    return line[:at] + line[at + 1 :]


def _duplicate(line: bytes, random: Random) -> bytes:
    at = _place(line, random)
    return line[: at + 1] + line[at:]


def _merge(line: bytes, random: Random) -> bytes:  # noqa: ARG001
    return line.rstrip(b"\r\n")


def _split(line: bytes, random: Random) -> bytes:
    at = _place(line, random)
    return line[:at] + b"\n" + line[at:]


def _lose(line: bytes, random: Random) -> bytes:  # noqa: ARG001
    return b""


def _garbage(line: bytes, random: Random) -> bytes:
    return bytes(random.choices(_GARBAGE, k=random.randint(1, 8))) + line


_SPOILED = {
    "corrupt": _corrupt,
    "drop": _drop,
    "duplicate": _duplicate,
    "split": _split,
    "merge": _merge,
    "garbage": _garbage,
    "lose": _lose,
}
