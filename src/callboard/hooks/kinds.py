"""What a hook does, from its configuration: a reader for each kind.

Fields -> READERS[kind] -> Action; a BadHook has what to put in its place, to find what else is wrong
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from callboard.expression import parse
from callboard.hooks import command, gcode, template
from callboard.hooks.fields import BadHook, Fields, together
from callboard.hooks.filling import names_in, read_value
from callboard.hooks.model import Action, Gcode, Publish, System, Webhook
from callboard.hooks.publishing import read_target

INSTEAD: Final[Mapping[str, Mapping[str, Any]]] = {
    "system": {"command": "true"},
    "gcode": {"command": "M115"},
    "webhook": {"url": "http://localhost/"},
    "publish": {"topic": "a.b"},
}
"""What stands in for a key that is wrong and can't be left out, to find what else is wrong."""


def _system(fields: Fields) -> System:
    if ("command" in fields) == ("argv" in fields):
        raise BadHook(
            "A system hook has either command (a line, or a list of them) or argv (a list of arguments)",
            kind="either command or argv",
            repair={"argv": None, **INSTEAD["system"]},
        )
    read = command.for_shell if fields.flag("shell", default=False) else command.without_shell
    if "argv" in fields:
        told = [fields.texts("argv")]
        commands: tuple[command.Command, ...] = tuple(_each("argv", command.of_arguments, told, "system"))
    else:
        commands = tuple(_each("command", read, fields.texts("command"), "system"))
    if not commands:
        raise BadHook("command is empty: write what to run", "command", repair=INSTEAD["system"])
    cwd = Path(command.home(fields.text("cwd"))) if "cwd" in fields else None
    return System(commands, cwd, fields.texts("inherit"))


def _each(key: str, read: Any, texts: Sequence[Any], kind: str) -> list[Any]:
    """Call `read` with each text; raises the faults of all of them together."""
    found: list[Any] = []
    wrong: list[BadHook] = []
    for text in texts:
        try:
            found.append(_told(key, read, text))
        except BadHook as error:
            wrong.append(BadHook(str(error), key, error.kind, repair={key: None, **INSTEAD[kind]}))
    if wrong:
        raise together(wrong)
    return found


def _told(key: str, read: Any, given: Any) -> Any:
    """Call `read`, with the key's name in front of what it says."""
    try:
        return read(given)
    except template.BadTemplate as error:
        raise BadHook(f"{key}: {error}", key, error.kind) from None


def _gcode(fields: Fields) -> Gcode:
    read = _each("command", gcode.lines, fields.texts("command"), "gcode")
    lines = tuple(line for found in read for line in found)
    if not lines:
        said = "command is missing: write the G-code line, or a list of them"
        raise BadHook(said, kind="command is missing", repair=INSTEAD["gcode"])
    return Gcode(lines, fields.text("printer"))


def _webhook(fields: Fields) -> Webhook:
    url = _told("url", template.parse, fields.text("url"))
    start = url[0] if url and isinstance(url[0], str) else ""
    address = urlsplit(start)
    if address.scheme not in {"http", "https"} or not address.hostname or not (address.path or len(url) == 1):
        said = "url takes an http:// or https:// address; placeholders may stand behind its host only"
        raise BadHook(said, "url", repair=INSTEAD["webhook"])
    headers = {name: str(value) for name, value in fields.mapping("headers").items()}
    if any(not _header(name, value) for name, value in headers.items()):
        raise BadHook(
            "headers has a name or value that no request can carry: use plain text on one line", "headers"
        )
    return Webhook(
        url, _secret(fields.text("secret")), headers, _told("body", read_value, fields.raw("body"))
    )


def _header(name: str, value: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii() and value.isprintable()


def _secret(text: str) -> bytes:
    """Return the key in a Standard Webhooks secret."""
    if not text:
        return b""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise BadHook("secret takes whsec_ and base64: make one with `openssl rand -base64 24`", "secret")
    return key


def _publish(fields: Fields) -> Publish:
    topic = fields.text("topic")
    if not topic or "{" in topic:
        said = "topic takes the new event's topic, without placeholders"
        raise BadHook(said, "topic", repair=INSTEAD["publish"])
    data = fields.raw("data")
    target = _told("target", read_target, fields.text("target"))
    if target and not template.placeholders(target):
        fields.made("target", parse)
    return Publish(topic, _told("data", read_value, {} if data is None else data), target)


READERS: Final[Mapping[str, Callable[[Fields], Action]]] = {
    "system": _system,
    "gcode": _gcode,
    "webhook": _webhook,
    "publish": _publish,
}


def names_of(action: Action) -> dict[str, tuple[str, ...]]:
    """Return the placeholders of each key of an action."""
    match action:
        case System():
            return {"command": tuple(name for one in action.commands for name in one.names)}
        case Gcode():
            return {"command": tuple(name for line in action.lines for name in line.names)}
        case Webhook():
            return {"url": template.placeholders(action.url), "body": tuple(names_in(action.body))}
        case Publish():
            return {"data": tuple(names_in(action.data)), "target": template.placeholders(action.target)}
