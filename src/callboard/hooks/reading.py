"""Hooks from their configuration: every fault with its file, line and the nearest right name.

    Located(mapping, line) -> Fields -> Selection, Action, Policy -> Hook | Fault

Faults are collected, never raised: one bad hook takes no other with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from callboard.errors import CallboardError
from callboard.event import encode_json
from callboard.expression import Expression, parse, quote
from callboard.hooks.fields import BadHook, Fields, together
from callboard.hooks.kinds import INSTEAD, READERS, names_of
from callboard.hooks.knowledge import meant_printer, misspelt, strangers
from callboard.hooks.model import (
    KEYS,
    MAX_HOPS,
    Coalesce,
    Fault,
    Gcode,
    Hook,
    HookSet,
    Policy,
    Printer,
    Selection,
)
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
_ANY: Final = "topic=*"
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
    """Return the hooks in `subscriptions`, and all that is wrong with each one that can't be used."""
    hooks: list[Hook] = []
    faults: list[Fault] = []
    taken: dict[str, int] = {}
    for located in subscriptions:
        hook, wrong = _read(located, printers)
        if hook is not None:
            hooks.append(_renamed(hook, taken))
        told = [Fault(_line(located, error), str(error), file, _kind(error)) for error in wrong]
        faults += sorted(told, key=lambda fault: fault.line)
    hints = [Fault(hook.line, hint, file) for hook in hooks if (hint := misspelt(hook.selection))]
    return HookSet(tuple(hooks), tuple(faults), tuple(hints))


def _read(located: Located, printers: Sequence[Printer]) -> tuple[Hook | None, list[CallboardError]]:
    """Return a hook, or all its faults: what is wrong is put right, and the rest read on."""
    if not isinstance(located.value, Mapping):
        said = f"A hook is a map with event, type and command, not {str(located.value)[:60]!r}."
        return None, [BadHook(said)]
    values = dict(located.value)
    repaired: set[str] = set()
    wrong: list[CallboardError] = []
    while True:
        try:
            hook = _hook(Fields(values), located, printers)
        except BadHook as error:
            repair = {key: value for key, value in error.repair.items() if key not in repaired}
            if not (repaired & set(error.repair)):
                wrong += [error, *error.also]
            if not repair or (error.kind == "printer is missing" and "event" in repaired):
                return None, wrong
            repaired |= set(repair) - error.renamed
            values = {key: value for key, value in {**values, **repair}.items() if value is not None}
        except CallboardError as error:
            return None, [*wrong, error]
        else:
            return (None if wrong else hook), wrong


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


def _hook(fields: Fields, located: Located, printers: Sequence[Printer]) -> Hook:
    if "type" not in fields:
        raise fields.missing("type", "system, gcode, webhook or publish", KEYS)
    kind = fields.one_of("type", tuple(_OWN))
    if "event" not in fields:
        raise fields.missing("event", "the name of an event, a topic or an expression", KEYS, _ANY)
    fields.only((*_COMMON, *_OWN[kind], *_IGNORED.get(kind, ())), f"a {kind} hook")
    selection = selection_of(fields.texts("event"), "event")
    action = READERS[kind](fields)
    policy = _policy(fields, kind)
    _check_names({**names_of(action), **_keys_of(policy)}, selection, kind)
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
            raise _empty(key)
        if _OPERATORS & set(stripped) or stripped.endswith("*") or " " in stripped:
            expressions.append(_expression(stripped, key))
        else:
            topics |= _spellings(_topic(stripped, key))
    if not topics and not expressions:
        raise _empty(key)
    return Selection(frozenset(topics), tuple(expressions))


def _empty(key: str) -> BadHook:
    said = f"{key} is empty: write the name of an event, a topic or an expression"
    return BadHook(said, key, "is empty", repair={key: _ANY})


def _topic(text: str, key: str) -> str:
    try:
        quote(text)
    except CallboardError:
        raise BadHook(
            f"{key}: {text[:60]!r} is no topic: it has both kinds of quotes", key, repair={key: _ANY}
        ) from None
    return text if "." in text else PRINT_PREFIX + text


def _spellings(topic: str) -> set[str]:
    return {ANALYSED, MISSPELT} if topic in {ANALYSED, MISSPELT} else {topic}


def _expression(text: str, key: str) -> Expression:
    if text.endswith("*") and not _OPERATORS & set(text):
        text = f'topic="{text if "." in text else PRINT_PREFIX + text}"'
    try:
        return parse(text)
    except CallboardError as error:
        raise BadHook(f"{key}: {error}", key, repair={key: _ANY}) from None


def _policy(fields: Fields, kind: str) -> Policy:
    if kind == "gcode" and fields.count("retries", 0, 0, 100):
        raise BadHook("retries is not for gcode: its lines are sent at most once", "retries")
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
        max_hops=fields.count("max_hops", MAX_HOPS, 1, 64),
    )


def _unless(fields: Fields) -> Selection | None:
    if "unless" not in fields:
        return None
    if "delay" not in fields:
        raise BadHook("unless goes with delay: it cancels what waits", "unless")
    return selection_of(fields.texts("unless"), "unless")


def _coalesce(fields: Fields) -> Coalesce | None:
    if "coalesce" not in fields:
        return None
    inner = Fields(fields.mapping("coalesce"), "coalesce.")
    try:
        inner.only(("key", "window"), "coalesce")
        window = inner.seconds("window", None)
        if not window:
            raise BadHook("coalesce.window is missing: write how long to gather, 2s")
        found = Coalesce(_key(inner.text("key")), window)
    except BadHook as error:
        raise BadHook(str(error), "coalesce", error.kind) from None
    if "delay" in fields:
        raise BadHook("coalesce and delay exclude each other: the window is a delay", "coalesce")
    return found


def _key(text: str) -> str:
    """Return a placeholder's name, with or without its braces."""
    return text.strip().removeprefix("{").removesuffix("}")


def _check_names(names: Mapping[str, Sequence[str]], selection: Selection, kind: str) -> None:
    """Refuse placeholders that no topic of the selection has: all of a key together."""
    for key, used in names.items():
        repair = {key: None, **(INSTEAD[kind] if key in {"command", "argv", "url"} else {})}
        if wrong := [BadHook(said, key, repair=repair) for said in strangers(used, selection)]:
            raise together(wrong)


def _keys_of(policy: Policy) -> dict[str, tuple[str, ...]]:
    keys = {"order_by": policy.order_by, "coalesce": policy.coalesce.key if policy.coalesce else ""}
    return {key: (name,) for key, name in keys.items() if name}


assert set(KEYS) == {*_COMMON, *(key for keys in _OWN.values() for key in keys)}
