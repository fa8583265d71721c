"""The SD card: files in a folder or in memory, short names for long ones, all lines kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware

_MOST_FILES = 1000
_MOST_BYTES = 64 * 1024 * 1024
_BLOCK = 65536
_NOT_SHORT = re.compile(r"[^A-Z0-9_~!#$%&'()@^`{}-]")


class Stored(Struct, frozen=True):
    """A file on the card."""

    short: str
    """Its path in short names: "SUB/BENCHY~1.GCO"."""
    long: str
    """Its path."""
    size: int
    stamp: int
    """FAT date and time: date << 16 | time."""


class Card:
    """A card and its drive: what is selected, how far it is, what is written."""

    def __init__(self, folder: Path | None, present: bool) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        self._reading = ""
        self._ahead = b""
        self._writing = ""
        self._written = bytearray()
        self.present = self.mounted = present
        self.selected = ""
        self.size = self.position = 0
        self.printing = self.running = self.saving = False

    # --- which files there are ---------------------------------------------------------------------

    def entries(self) -> list[Stored]:
        """Return the files, the first thousand of them."""
        if not self.mounted:
            return []
        named: dict[str, set[str]] = {}
        return [
            Stored(_short_path(path, named), path, size, stamp)
            for path, size, stamp in islice(sorted(self._files()), _MOST_FILES)
        ]

    def _files(self) -> Iterator[tuple[str, int, int]]:
        if self._folder is None:
            for name, content in self._memory.items():
                yield name, len(content), _stamp(0.0)
            return
        for path in islice(self._folder.rglob("*"), 10 * _MOST_FILES):
            if path.is_file() and not path.name.startswith("."):
                about = path.stat()
                yield path.relative_to(self._folder).as_posix(), about.st_size, _stamp(about.st_mtime)

    def find(self, name: str) -> Stored | None:
        """Return a file by its short or long path, in any case."""
        wanted = name.strip().strip('"').lstrip("/").casefold()
        for entry in self.entries():
            if wanted in {entry.short.casefold(), entry.long.casefold()}:
                return entry
        return None

    def put(self, name: str, content: bytes) -> None:
        """Lay a file on the card, as somebody with a card reader would."""
        if self._folder is None:
            self._memory[name] = content
        else:
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def content(self, name: str) -> bytes | None:
        """Return what a file holds."""
        entry = self.find(name)
        if entry is None:
            return None
        return self._memory[entry.long] if self._folder is None else (self._folder / entry.long).read_bytes()

    def delete(self, name: str) -> bool:
        """Remove a file; false if there is none."""
        entry = self.find(name)
        if entry is None or self.running:
            return False
        if self._folder is None:
            del self._memory[entry.long]
        else:
            (self._folder / entry.long).unlink(missing_ok=True)
        return True

    # --- printing ------------------------------------------------------------------------------------

    def select(self, name: str) -> bool:
        """Open a file to print it; false if it can't be."""
        entry = self.find(name)
        if entry is None:
            return False
        self.stop()
        self._reading, self._ahead = entry.long, b""
        self.selected, self.size, self.position = entry.short, entry.size, 0
        return True

    def start(self) -> None:
        """Print, or go on printing, what is selected."""
        if self._reading and not self.saving:
            self.printing = self.running = True

    def stop(self) -> None:
        """End the print; the file is no longer selected."""
        self._reading, self._ahead, self.selected = "", b"", ""
        self.printing = self.running = False
        self.size = self.position = 0

    def seek(self, position: int) -> None:
        """Go on at another byte."""
        if self._reading:
            self.position, self._ahead = min(max(position, 0), self.size), b""

    def line(self, longest: int) -> str | None:
        """Return the next line of the print without its comment, maybe empty; None at the end."""
        end = self._ahead.find(b"\n") + 1
        if not end:
            self._ahead = self._block(self.position)
            end = self._ahead.find(b"\n") + 1 or len(self._ahead)
        data, self._ahead = self._ahead[:end], self._ahead[end:]
        if not data:
            return None
        self.position += len(data)
        return data.partition(b";")[0].decode("latin-1").strip()[: longest - 1]

    def _block(self, at: int) -> bytes:
        """Return what follows in the file that is printed; nothing once it can't be read any more."""
        if self._folder is None:
            return self._memory.get(self._reading, b"")[at : at + _BLOCK]
        try:
            with (self._folder / self._reading).open("rb") as file:
                file.seek(at)
                return file.read(_BLOCK)
        except OSError:
            return b""

    # --- writing -------------------------------------------------------------------------------------

    def write(self, name: str) -> bool:
        """Begin to write a file; false if it can't be."""
        name = name.strip().strip('"').lstrip("/")
        entry = self.find(name)
        name = entry.long if entry else name
        if not self.mounted or self.running or not name or ".." in name.split("/"):
            return False
        self.saving = self._created(name)
        self._writing = name if self.saving else ""
        return self.saving

    def _created(self, name: str) -> bool:
        """Make an empty file."""
        if self._folder is None:
            if self._held() >= _MOST_BYTES or len(self._memory) >= _MOST_FILES:
                return False
            self._memory[name] = b""
            return True
        target = self._folder / name
        try:
            if self._folder.resolve() not in target.resolve().parents:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"")
        except (OSError, ValueError):
            return False
        return True

    def _held(self) -> int:
        return sum(map(len, self._memory.values()))

    def save(self, firmware: Firmware, text: str) -> None:
        """Store a line, or, at M29, end the file."""
        if text[:3] == "M29" and not text[3:4].isdigit():
            self._close()
            firmware.say("Done saving file.")
            firmware.answered = not firmware.settings.faults.saved_ok
            return
        self._written += text.encode("latin-1", "replace") + b"\n"
        if len(self._written) > _BLOCK and not self._stored():
            firmware.say(f"{firmware.dialect.error}error writing to file")

    def _stored(self) -> bool:
        """Put down what was written so far; false if it does not fit."""
        data = bytes(self._written)
        self._written.clear()
        if self._folder is None:
            if self._held() + len(data) > _MOST_BYTES:
                return False
            self._memory[self._writing] = self._memory.get(self._writing, b"") + data
            return True
        try:
            with (self._folder / self._writing).open("ab") as file:
                file.write(data)
        except OSError:
            return False
        return True

    def _close(self) -> None:
        if self.saving:
            self._stored()
        self._writing, self.saving = "", False

    def restart(self) -> None:
        """Forget what was open, as at a reset; what was written so far stays."""
        self.stop()
        self._close()
        self.mounted = self.present


def _stamp(time: float) -> int:
    """Return a time as FAT writes it, not before 1980."""
    at = datetime.fromtimestamp(max(time, 0.0), UTC)
    if at.year < 1980:
        at = datetime(2024, 1, 1, tzinfo=UTC)
    date = (min(at.year - 1980, 127) << 9) | (at.month << 5) | at.day
    return date << 16 | (at.hour << 11) | (at.minute << 5) | (at.second // 2)


def _short_path(path: str, named: dict[str, set[str]]) -> str:
    """Return a path in 8.3 names that are unique in their folders."""
    folder, _, name = path.rpartition("/")
    short = _short(name, named.setdefault(folder, set()))
    if not folder:
        return short
    return "/".join([*(_short(part, set()) for part in folder.split("/")), short])


def _short(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.upper().rpartition(".")
    if not dot:
        stem, ending = ending, ""
    clean = _NOT_SHORT.sub("", stem)
    ending = _NOT_SHORT.sub("", ending)[:3]
    tail = f".{ending}" if ending else ""
    plain = f"{clean}{tail}"
    if clean == stem and 0 < len(clean) <= 8 and plain not in taken and plain == name.upper():
        taken.add(plain)
        return plain
    for number in range(1, 10 * _MOST_FILES):
        sign = f"~{number}"
        plain = f"{clean[: 8 - len(sign)]}{sign}{tail}"
        if plain not in taken:
            break
    taken.add(plain)
    return plain
