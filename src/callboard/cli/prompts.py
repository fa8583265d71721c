"""Prompts: the fields of a form, asked one after the other in a terminal.

They go to stderr, since stdout holds what was asked for. Lines are edited as the terminal does it; what
strangers wrote is shown without anything that could steer one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from callboard.cli.output import cut, note, printable
from callboard.cli.showing import plain
from callboard.studio.fields import BadValue, Choice, Field, FieldType, chosen, typed, written

_NOTHING: Final = "-"
_MOST_LISTED: Final = 40
"""Choices that are listed; more are found by how they begin."""
_HINTS: Final = {
    FieldType.NUMBER: "a number",
    FieldType.DATE: "a date, 2026-11-21",
    FieldType.BOOLEAN: "yes or no",
    FieldType.TEXTAREA: "several lines, an empty one ends",
}


class Cancelled(Exception):
    """The person does not want to go on."""


def is_terminal() -> bool:
    """Tell whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask for a yes; anything else is a no. Raises Cancelled."""
    return _line(f"{printable(question)} [y/N] ").strip().lower() in ("y", "yes")


def pick(question: str, labels: Sequence[str]) -> int:
    """Ask for one of several; returns its index. Raises Cancelled."""
    choices = tuple(Choice(label, number) for number, label in enumerate(labels))
    found = ask(Field(FieldType.ENUMERATOR, "choice", question, choices=choices))
    if found is None:
        raise Cancelled
    return int(found)


def ask(field: Field) -> Any:
    """Return the value that a person gives to a field; asks again until it fits. Raises Cancelled."""
    if field.type is FieldType.ENUMERATOR:
        _list(field.choices)
    while True:
        try:
            return _asked(field)
        except BadValue as error:
            note(f"  {error}")


def _asked(field: Field) -> Any:
    if field.type is FieldType.TEXTAREA:
        return _lines(field)
    text = _line(_prompt(field))
    if not text.strip():
        return False if field.type is FieldType.BOOLEAN and field.value is None else field.value
    if text.strip() == _NOTHING:
        return typed(field, "")
    return _choice(field, text) if field.type is FieldType.ENUMERATOR else typed(field, text)


def _choice(field: Field, text: str) -> Any:
    """Return what a choice is that is named by its value, its label, or its number in the list."""
    one = _numbered(field.choices)
    if not field.many:
        return one(text)
    return [one(part) for part in text.split(",") if part.strip()]


def _numbered(choices: Sequence[Choice]) -> Callable[[str], Any]:
    def named(text: str) -> Any:
        wanted = text.strip()
        exact = any(wanted in (written(one.value), one.label) for one in choices)
        if not exact and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(choices):
            return choices[int(wanted) - 1].value
        return chosen(choices, text)

    return named


def _list(choices: Sequence[Choice]) -> None:
    for number, one in enumerate(choices[:_MOST_LISTED], 1):
        note(f"  {number:>2}  {cut(plain(one.label), 120)}")
    if len(choices) > _MOST_LISTED:
        note(f"      and {len(choices) - _MOST_LISTED} more: write how one begins")


def _prompt(field: Field) -> str:
    label = cut(" ".join(plain(field.label).split()), 120)
    hint = _HINTS.get(field.type) or ("several, with commas" if field.many else field.empty_text)
    said = f" ({cut(plain(hint), 60)})" if hint else ""
    default = _shown(field)
    return f"{label}{said}{f' [{default}]' if default else ''}: "


def _shown(field: Field) -> str:
    """Return what stands in a field already, as its choices call it."""
    values = field.value if isinstance(field.value, list) else [field.value]
    labels = {written(one.value): one.label for one in field.choices}
    texts = [labels.get(written(one), written(one)) for one in values if one is not None]
    return cut(" ".join(plain(", ".join(texts)).split()), 60)


def _lines(field: Field) -> Any:
    note(_prompt(field).rstrip())
    lines: list[str] = []
    while line := _line("  | "):
        if line.strip() == _NOTHING and not lines:
            return ""
        lines.append(line)
    return "\n".join(lines) if lines else field.value


def _line(prompt: str) -> str:
    """Return a line that somebody types."""
    print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201
    try:
        return input()
    except (EOFError, UnicodeDecodeError):
        note("")
        raise Cancelled from None
