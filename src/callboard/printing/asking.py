"""A request as it came: which verb, which printers, with what; or why it can't be done.

Event -> read -> Asked(verb, printers, wanted)     raises Refused, a sentence for whoever asked
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from callboard.catalog import printers as catalog
from callboard.catalog.payload import Payload
from callboard.config.printer import Printer
from callboard.errors import BadExpression, CallboardError
from callboard.event import Event
from callboard.expression import parse
from callboard.verbs import near, unknown_key

DEADLINE: Final = 30.0
"""Seconds after which a request is too late unless it says otherwise."""

VERBS: Final[Mapping[str, type[Payload]]] = {
    topic.name.removeprefix(catalog.PREFIX): topic.payload
    for topic in catalog.TOPICS
    if topic.name.startswith(catalog.PREFIX)
}
"""What can be asked for, and what each takes."""


class Refused(CallboardError):
    """This can't be asked of a printer: see docs/printers.md."""


class NoSuchPrinter(Refused):
    """There is no such printer: `callboard printers list` shows those there are."""


class Asked(Struct, frozen=True):
    """A request that was understood. `several` is true where an expression named the printers."""

    verb: str
    printers: tuple[Printer, ...]
    wanted: Any
    several: bool = False


def read(event: Event, printers: Sequence[Printer], now: float, began: float) -> Asked:
    """Return what a request asks for; raises Refused.

    `now` and `began`, when the host started, are seconds since 1970, as `entry.time` is.
    """
    verb = event.topic.removeprefix(catalog.PREFIX)
    wanted = payload(verb, event.data)
    _check_time(event, now, began, _number(wanted, "deadline", DEADLINE))
    name = getattr(wanted, "printer", UNSET)
    if verb == "list" and name is UNSET:
        return Asked(verb, tuple(printers), wanted, several=True)
    several = is_expression(str(name))
    return Asked(verb, meant(str(name), printers), wanted, several)


def payload(verb: str, data: Any) -> Payload:
    """Return what a request holds, checked; raises Refused with what is wrong."""
    kind = VERBS.get(verb)
    if kind is None:
        raise Refused(f"A printer can't be asked to {verb[:40]!r}{near(verb, VERBS)}: {', '.join(VERBS)}.")
    if not isinstance(data, Mapping):
        raise Refused(f"{verb} takes an object with {', '.join(kind.__struct_fields__)}.")
    if strange := unknown_key(verb, data, kind):
        raise Refused(strange)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Refused(f"{verb}: {_said(error)}.") from None


def meant(name: str, printers: Sequence[Printer]) -> tuple[Printer, ...]:
    """Return the printers that a name or an expression means; raises NoSuchPrinter."""
    if not is_expression(name):
        return (named(name, printers),)
    try:
        expression = parse(name)
    except BadExpression as error:
        raise Refused(f"printer: {error}") from None
    found = tuple(printer for printer in printers if expression.matches(document(printer)))
    if not found:
        raise _unknown(name, printers)
    return found


def named(name: str, printers: Sequence[Printer]) -> Printer:
    """Return the printer of this name; raises NoSuchPrinter."""
    for printer in printers:
        if printer.name == name:
            return printer
    raise _unknown(name, printers)


def _unknown(name: str, printers: Sequence[Printer]) -> NoSuchPrinter:
    names = [printer.name for printer in printers]
    known = f"there are {', '.join(names[:20])}" if names else "the configuration names none"
    return NoSuchPrinter(f"There is no printer {name[:80]!r}{near(name, names)}: {known}.")


def is_expression(name: str) -> bool:
    """Return whether a text means printers by an expression rather than one by its name."""
    return bool(set(name) & set("=<>"))


def document(printer: Printer) -> dict[str, Any]:
    """Return a printer as expressions see it: name and tags, with and without `printer.` or `source.`."""
    own = {"name": printer.name, "tags": list(printer.tags)}
    return {**own, "printer": own, "source": {"printer": printer.name, "tags": own["tags"]}}


def _check_time(event: Event, now: float, began: float, deadline: float) -> None:
    """Refuse what is older than its deadline or than the host: a late event must not move hardware."""
    if event.entry is None:
        return
    if event.entry.time < began:
        raise Refused("This request is older than the print host's start: send it again if it still holds.")
    if now - event.entry.time > deadline:
        raise Refused(
            f"This request came {now - event.entry.time:.0f} s late; it was good for {deadline:g} s."
        )


def _number(wanted: Payload, key: str, default: float) -> float:
    value = getattr(wanted, key, UNSET)
    return default if value is UNSET else float(value)


def _said(error: Exception) -> str:
    said, _, place = str(error).partition(" - at `$.")
    said = said[:1].lower() + said[1:]
    return f"{place.rstrip('`')}: {said}" if place else said
