"""Hooks from their configuration: every fault with its file, line and the nearest right name.

    Located(mapping, line) -> Fields -> Selection, Action, Policy -> Hook | Fault

Faults are collected, never raised: one bad hook takes no other with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from callboard.errors import CallboardError
from callboard.event import encode_json
from callboard.expression import Expression, parse, quote
from callboard.hooks import command, gcode, template
from callboard.hooks.fields import BadHook, Fields
from callboard.hooks.filling import names_in, read_value
from callboard.hooks.knowledge import check_names, meant_printer, misspelt
from callboard.hooks.model import (
    KEYS,
    Action,
    Coalesce,
    Fault,
    Gcode,
    Hook,
    HookSet,
    Policy,
    Printer,
    Publish,
    Selection,
    System,
    Webhook,
)
from callboard.hooks.publishing import read_target
from callboard.hooks.template import PRINT_PREFIX

_COMMON: Final = (
    *("event", "type", "enabled", "name", "debug", "when", "timeout", "retries", "backoff", "max_age"),
    *("on_late", "order_by", "concurrency", "coalesce", "delay", "unless", "max_hops"),
)
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("command", "argv", "shell", "cwd", "inherit"),
    "gcode": ("command", "printer"),
    "webhook": ("url", "secret", "headers", "body"),
    "publish": ("topic", "data", "target"),
}
_IGNORED: Final[Mapping[str, tuple[str, ...]]] = {"gcode": ("shell", "cwd")}
"""Keys that OctoPrint lets stand where they mean nothing."""
_OPERATORS: Final = frozenset("=<>")
ANALYSED: Final = PRINT_PREFIX + "MetadataAnalysisFinished"
MISSPELT: Final = PRINT_PREFIX + "MetadataAnalaysisFinished"
"""The seed's spelling of ANALYSED: a hook on either hears both, and runs once for each analysis."""


class Located(Protocol):
    """A part of the configuration and the line it begins on."""

    @property
    def value(self) -> Any:
        """What the file says."""

    @property
    def line(self) -> int:
        """Its line, from 1."""


def read_hooks(subscriptions: Sequence[Located], file: str = "", printers: Sequence[Printer] = ()) -> HookSet:
    """Return the hooks in `subscriptions`, and a Fault for each one that can't be used."""
    hooks: list[Hook] = []
    faults: list[Fault] = []
    taken: dict[str, int] = {}
    for located in subscriptions:
        try:
            hooks.append(_renamed(_hook(located, printers), taken))
        except CallboardError as error:
            faults.append(Fault(_line(located, error), str(error), file, _kind(error)))
    hints = [Fault(hook.line, hint, file) for hook in hooks if (hint := misspelt(hook.selection))]
    return HookSet(tuple(hooks), tuple(faults), tuple(hints))


def _line(located: Located, error: CallboardError) -> int:
    """Return the line of the key at fault when the configuration knows it, else the hook's."""
    lines: Mapping[str, int] = getattr(located, "lines", {})
    return lines.get(error.key, located.line) if isinstance(error, BadHook) else located.line


def _kind(error: CallboardError) -> str:
    """Return what kind of fault it is, without a word of the file: only keys that are ours."""
    if not isinstance(error, BadHook):
        return "this hook can't be used"
    if error.key not in KEYS:
        return error.kind or "this hook can't be used"
    return f"{error.key}: {error.kind}" if error.kind else f"{error.key} can't be used"


def _renamed(hook: Hook, taken: dict[str, int]) -> Hook:
    """Number hooks of the same name: duplicates are allowed, and all run."""
    count = taken[hook.name] = taken.get(hook.name, 0) + 1
    return hook if count == 1 else Hook(f"{hook.name} #{count}", *_rest(hook))


def _rest(hook: Hook) -> tuple[Any, ...]:
    return tuple(getattr(hook, field) for field in Hook.__struct_fields__[1:])


def _hook(located: Located, printers: Sequence[Printer]) -> Hook:
    if not isinstance(located.value, Mapping):
        raise BadHook(f"A hook is a map with event, type and command, not {str(located.value)[:60]!r}.")
    fields = Fields(located.value)
    if "type" not in fields:
        raise fields.missing("type", "system, gcode, webhook or publish", KEYS)
    kind = fields.one_of("type", tuple(_OWN))
    if "event" not in fields:
        raise fields.missing("event", "the name of an event, a topic or an expression", KEYS)
    fields.only((*_COMMON, *_OWN[kind], *_IGNORED.get(kind, ())), f"a {kind} hook")
    selection = selection_of(fields.texts("event"), "event")
    action = _READERS[kind](fields)
    policy = _policy(fields, kind)
    check_names(_names(action, policy), selection)
    if isinstance(action, Gcode):
        only = printers[0].name if len(printers) == 1 else ""
        action = Gcode(action.lines, meant_printer(action.printer, selection, printers), only)
    return Hook(
        name=_name(fields, kind, located.value),
        line=located.line,
        selection=selection,
        action=action,
        policy=policy,
        enabled=fields.flag("enabled", default=True),
        debug=fields.flag("debug", default=False),
    )


def _name(fields: Fields, kind: str, value: Mapping[str, Any]) -> str:
    """Return the given name, or one that stays the same while the hook does."""
    if name := " ".join(fields.text("name").split())[:200]:
        return name
    digest = hashlib.sha256(encode_json(_plain(value))).hexdigest()[:8]
    return f"{fields.texts('event')[0][:60]} {kind} {digest}"


def _plain(value: Any) -> Any:
    """Return a value of the YAML reader as plain JSON, keys in order."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool) else str(value)


def selection_of(texts: Sequence[str], key: str) -> Selection:
    """Return the selection that the texts of `event` mean; raises BadHook."""
    topics: set[str] = set()
    expressions: list[Expression] = []
    for text in texts:
        stripped = text.strip()
        if not stripped:
            raise BadHook(f"{key} is empty: write the name of an event, a topic or an expression")
        if _OPERATORS & set(stripped) or stripped.endswith("*") or " " in stripped:
            expressions.append(_expression(stripped, key))
        else:
            topics |= _spellings(_topic(stripped, key))
    if not topics and not expressions:
        raise BadHook(f"{key} is empty: write the name of an event, a topic or an expression")
    return Selection(frozenset(topics), tuple(expressions))


def _topic(text: str, key: str) -> str:
    try:
        quote(text)
    except CallboardError:
        raise BadHook(f"{key}: {text[:60]!r} is no topic: it has both kinds of quotes", key) from None
    return text if "." in text else PRINT_PREFIX + text


def _spellings(topic: str) -> set[str]:
    return {ANALYSED, MISSPELT} if topic in {ANALYSED, MISSPELT} else {topic}


def _expression(text: str, key: str) -> Expression:
    if text.endswith("*") and not _OPERATORS & set(text):
        text = f'topic="{text if "." in text else PRINT_PREFIX + text}"'
    try:
        return parse(text)
    except CallboardError as error:
        raise BadHook(f"{key}: {error}") from None


def _system(fields: Fields) -> System:
    if ("command" in fields) == ("argv" in fields):
        raise BadHook(
            "A system hook has either command (a line, or a list of them) or argv (a list of arguments)"
        )
    read = command.for_shell if fields.flag("shell", default=False) else command.without_shell
    if "argv" in fields:
        commands: tuple[command.Command, ...] = (_told("argv", command.of_arguments, fields.texts("argv")),)
    else:
        commands = tuple(_told("command", read, text) for text in fields.texts("command"))
    if not commands:
        raise BadHook("command is empty: write what to run")
    cwd = Path(command.home(fields.text("cwd"))) if "cwd" in fields else None
    return System(commands, cwd, fields.texts("inherit"))


def _told(key: str, read: Any, given: Any) -> Any:
    """Call `read`, with the key's name in front of what it says."""
    try:
        return read(given)
    except template.BadTemplate as error:
        raise BadHook(f"{key}: {error}", key, error.kind) from None


def _gcode(fields: Fields) -> Gcode:
    lines = tuple(line for text in fields.texts("command") for line in _told("command", gcode.lines, text))
    if not lines:
        raise BadHook("command is missing: write the G-code line, or a list of them")
    return Gcode(lines, fields.text("printer"))


def _webhook(fields: Fields) -> Webhook:
    url = _told("url", template.parse, fields.text("url"))
    start = url[0] if url and isinstance(url[0], str) else ""
    address = urlsplit(start)
    if address.scheme not in {"http", "https"} or not address.hostname or not (address.path or len(url) == 1):
        raise BadHook("url takes an http:// or https:// address; placeholders may stand behind its host only")
    headers = {name: str(value) for name, value in fields.mapping("headers").items()}
    if any(not _header(name, value) for name, value in headers.items()):
        raise BadHook("headers has a name or value that no request can carry: use plain text on one line")
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
        raise BadHook("secret takes whsec_ and base64: make one with `openssl rand -base64 24`")
    return key


def _publish(fields: Fields) -> Publish:
    topic = fields.text("topic")
    if not topic or "{" in topic:
        raise BadHook("topic takes the new event's topic, without placeholders")
    data = fields.raw("data")
    target = _told("target", read_target, fields.text("target"))
    if target and not template.placeholders(target):
        fields.made("target", parse)
    return Publish(topic, _told("data", read_value, {} if data is None else data), target)


_READERS: Final[Mapping[str, Callable[[Fields], Action]]] = {
    "system": _system,
    "gcode": _gcode,
    "webhook": _webhook,
    "publish": _publish,
}


def _policy(fields: Fields, kind: str) -> Policy:
    if kind == "gcode" and fields.count("retries", 0, 0, 100):
        raise BadHook("retries is not for gcode: its lines are sent at most once")
    order_by = _key(fields.text("order_by"))
    return Policy(
        when=fields.made("when", parse),
        timeout=fields.seconds("timeout", 300.0) or 300.0,
        retries=fields.count("retries", 20 if kind == "webhook" else 0, 0, 100),
        backoff=fields.seconds("backoff", 1.0) or 0.0,
        max_age=fields.seconds("max_age", 30.0 if kind == "gcode" else None),
        on_late=fields.one_of("on_late", ("skip", "run"), "skip"),
        order_by=order_by,
        concurrency=fields.count("concurrency", 8 if order_by else 1, 1, 64),
        coalesce=_coalesce(fields),
        delay=fields.seconds("delay", 0.0) or 0.0,
        unless=_unless(fields),
        max_hops=fields.count("max_hops", 8, 1, 64),
    )


def _unless(fields: Fields) -> Selection | None:
    if "unless" not in fields:
        return None
    if "delay" not in fields:
        raise BadHook("unless goes with delay: it cancels what waits")
    return selection_of(fields.texts("unless"), "unless")


def _coalesce(fields: Fields) -> Coalesce | None:
    if "coalesce" not in fields:
        return None
    inner = Fields(fields.mapping("coalesce"), "coalesce.")
    inner.only(("key", "window"), "coalesce")
    window = inner.seconds("window", None)
    if not window:
        raise BadHook("coalesce.window is missing: write how long to gather, 2s")
    if "delay" in fields:
        raise BadHook("coalesce and delay exclude each other: the window is a delay")
    return Coalesce(_key(inner.text("key")), window)


def _key(text: str) -> str:
    """Return a placeholder's name, with or without its braces."""
    return text.strip().removeprefix("{").removesuffix("}")


def _names(action: Action, policy: Policy) -> tuple[str, ...]:
    keys = (policy.order_by, policy.coalesce.key if policy.coalesce else "")
    return (*_names_of(action), *(key for key in keys if key))


def _names_of(action: Action) -> tuple[str, ...]:
    match action:
        case System():
            return tuple(name for one in action.commands for name in one.names)
        case Gcode():
            return tuple(name for line in action.lines for name in line.names)
        case Webhook():
            return (*template.placeholders(action.url), *names_in(action.body))
        case Publish():
            return (*names_in(action.data), *template.placeholders(action.target))


assert set(KEYS) == {*_COMMON, *(key for keys in _OWN.values() for key in keys)}
