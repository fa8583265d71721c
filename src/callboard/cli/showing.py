"""What listeners want shown, in a terminal: messages, the labels of forms, addresses of pages.

It comes from strangers: tags are taken out, signs that could steer a terminal are shown as their escapes.
"""

from __future__ import annotations

import html
import re
from typing import Any, Final

from callboard.cli.output import cut, note, printable
from callboard.studio.fields import Field, FieldType, written
from callboard.studio.interfaces import Form, Message, Shown, Widget

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,500}>|<!--[^<>]{0,500}-->")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\s*/?>", re.IGNORECASE)
_RULE: Final = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_HEADING: Final = re.compile(r"^#{1,6} +", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*([^*\n]{1,500})\*\*")
_BLANK: Final = re.compile(r"\n{3,}")
_MOST_LINES: Final = 200


def plain(text: str) -> str:
    """Return Markdown or HTML as text: without tags, with nothing that steers a terminal, bounded."""
    bare = html.unescape(_TAG.sub("", _BREAK.sub("\n", text.replace("\r\n", "\n"))))
    lines = _BLANK.sub("\n\n", _RULE.sub("─" * 20, bare)).strip("\n").split("\n")
    more = [f"({len(lines) - _MOST_LINES} more lines)"] if len(lines) > _MOST_LINES else []
    return "\n".join(printable(line.replace("\t", "    ")) for line in (*lines[:_MOST_LINES], *more))


def show_head(form: Form) -> None:
    """Say above a form what it is called and what it has to say."""
    if form.title:
        note(f"── {indented(plain(form.title))} ──")
    if form.message:
        note(plain(form.message))


def show_label(field: Field) -> None:
    """Show a text that stands between the fields, without the marks of Markdown's headings and bold."""
    note(_BOLD.sub(r"\1", _HEADING.sub("", plain(written(field.value)))))


def text_of(shown: Shown) -> str:
    """Return what is shown as text of one or more lines."""
    interface = shown.interface
    if isinstance(interface, Message):
        return plain(interface.text) or ("Done." if interface.success else "It did not work.")
    if isinstance(interface, Widget):
        parts = [plain(interface.title), plain(interface.message), printable(interface.url)]
        return "\n".join(part for part in parts if part)
    head = [plain(interface.title), plain(interface.message)]
    fields = [_field_line(field) for field in interface.fields if field.type is not FieldType.HIDDEN]
    return "\n".join(part for part in (*head, *fields) if part)


def _field_line(field: Field) -> str:
    """Return a field of a form that is only looked at."""
    if field.type is FieldType.LABEL:
        return plain(written(field.value))
    values = field.value if isinstance(field.value, list) else [field.value]
    value = plain(", ".join(written(one) for one in values))
    return f"  {cut(plain(field.label), 120)}: {value}"


def indented(text: str) -> str:
    """Return text of several lines, all but the first one indented: none can look like a line of ours."""
    return text.replace("\n", "\n  ")


def json_of(shown: Shown, publisher: str) -> dict[str, Any]:
    """Return what is shown, for programs."""
    interface = shown.interface
    said: dict[str, Any] = {"publisher": publisher, "faults": list(shown.faults)}
    if isinstance(interface, Message):
        return {"type": "message", "success": interface.success, "message": interface.text, **said}
    named = {"title": interface.title, "message": interface.message, "read_only": interface.read_only}
    if isinstance(interface, Widget):
        return {"type": "widget", "url": interface.url, **named, **said}
    items = [field.wire for field in interface.fields]
    return {"type": "form", "items": items, "submit_button_label": interface.submit, **named, **said}
