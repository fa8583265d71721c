"""G-code lines of hooks: a value can't add a line, a comment, a checksum or a command.

Source: facts/print-host-facts.md 2.3, "gcode newline injection".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from msgspec import Struct

from callboard.hooks.template import BadTemplate, Part, Placeholder, Refused, Values, parse, placeholders

MAX_LINE: Final = 1024
"""Characters of a filled line: no firmware reads as many."""

_COMMENT_OR_CHECKSUM = re.compile(r"[;*()]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_TEXT_COMMANDS: Final = {"M117", "M118", "M16", "M23", "M28", "M30", "M32", "M33", "M928"}
_PARAMETER = re.compile(r"(?:^|\s)[A-Za-z]$")


class Line(Struct, frozen=True):
    """One G-code line with placeholders behind its command."""

    source: str
    parts: tuple[Part, ...]
    free_text: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders, in order."""
        return placeholders(self.parts)

    def fill(self, values: Values) -> str:
        """Return the line for one event; raises Refused when a parameter would be no number."""
        line = "".join(self._text(at, part, values) for at, part in enumerate(self.parts))
        return line[:MAX_LINE].rstrip()

    def _text(self, at: int, part: Part, values: Values) -> str:
        if isinstance(part, str):
            return part
        text = values.text(part.name)
        if not self.free_text and self._is_parameter(at) and not _NUMBER.fullmatch(text):
            raise Refused(f"{part} stands where G-code takes a number, and this event says {text[:80]!r}.")
        return harmless(text)

    def _is_parameter(self, at: int) -> bool:
        before = self.parts[at - 1] if at else ""
        return isinstance(before, str) and bool(_PARAMETER.search(before))


def lines(text: str) -> tuple[Line, ...]:
    """Return the G-code lines in `text`; raises BadTemplate when an event could choose the command."""
    return tuple(_line(line) for line in text.splitlines() if line.strip())


def _line(text: str) -> Line:
    parts = parse(text.strip())
    head = parts[0] if parts else ""
    if isinstance(head, Placeholder) or (len(parts) > 1 and not re.search(r"\s", head)):
        raise BadTemplate(
            f"In {text[:80]!r} the event would choose the G-code command: write the command out."
        )
    return Line(text, parts, head.split(maxsplit=1)[0].upper() in _TEXT_COMMANDS)


def harmless(text: str) -> str:
    """Return `text` as it can stand in a line: no line ends or controls, no comment, no checksum."""
    spaced = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs", "Cf"} else char for char in text
    )
    return _COMMENT_OR_CHECKSUM.sub("_", spaced[:MAX_LINE])
