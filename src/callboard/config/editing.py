"""A configuration's text with some settings changed and all else as it was, to the letter.

    text, changes -> nodes -> what each section shall read as -> cuts in the text -> text, read back

Changes are merged as RFC 7396 says: a mapping goes into the mapping that is there, null takes a setting
out, anything else takes the place of what was there. A list becomes the new one entry by entry: those that
stay keep their text and their comments, wherever they stand then.

The text is cut, not built anew: ruamel's round trip hangs a comment on the value before it, and loses it
together with that value. What comes out is read back, and has to say just what was wished.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode

from callboard.config.changing import Changing
from callboard.config.document import MAX_DEPTH, Fault, Faults, compose, item
from callboard.config.pairing import same
from callboard.config.places import Places, Unclear
from callboard.config.rendering import shift
from callboard.errors import BadConfig, CallboardError


class Outdated(CallboardError):
    """The file has changed since it was read: read it again, and change that."""


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return `text` with `changes` merged in; raises BadConfig when that can't be.

    What the text then says is not looked at: `callboard.config.load` does that.
    """
    _bounded(changes, MAX_DEPTH)
    whole = text if text.endswith("\n") or not text else f"{text}\n"
    try:
        top, before = _read(whole, changes)
    except Fault as fault:
        raise BadConfig(f"line {fault.line}: {fault.reason}") from None
    wished = merged(before, changes)
    if same(before, wished):
        return text
    found = Changing(whole, top).changed(before, wished)
    if not _reads_as(found, wished, changes, _untouched(whole, top, changes)):
        raise Unclear
    return found


def merged(into: Any, changes: Any) -> Any:
    """Return `into` with `changes` merged in; neither is changed."""
    if not isinstance(changes, Mapping):
        return changes
    found = dict(into) if isinstance(into, dict) else {}
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def as_written(text: str) -> YAML:
    """Return a YAML that writes as this file is written."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    if shift(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _bounded(value: Any, left: int) -> None:
    if left < 0:
        raise BadConfig(f"This is nested deeper than {MAX_DEPTH} levels: make it flatter.")
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _bounded(inner, left - 1)


def _read(text: str, changes: Mapping[str, Any]) -> tuple[MappingNode | None, dict[str, Any]]:
    """Return the top, and its sections: those that change as values, the others as the nodes they are."""
    top = compose(text)
    found: dict[str, Any] = {}
    faults = Faults("line")
    for key, node in top.value if top is not None else ():
        name = str(key.value)
        if name not in changes:
            found[name] = node
        elif name in found:
            raise Fault(key.start_mark.line + 1, f"{name!r} stands here twice.")
        else:
            found[name] = item(node, key.start_mark.line + 1, faults).plain()
    faults.raised()
    return top, found


def _untouched(text: str, top: MappingNode | None, changes: Mapping[str, Any]) -> list[str]:
    """Return the sections that do not change, as they are written."""
    pairs = Places(text).pairs(top, {}) if top is not None else ()
    return [text[entry.start : entry.end] for name, entry in pairs if name not in changes]


def _reads_as(text: str, wished: Mapping[str, Any], changes: Mapping[str, Any], untouched: list[str]) -> bool:
    try:
        top, found = _read(text, changes)
    except (Fault, BadConfig):
        return False
    values = {name: value for name, value in found.items() if name in changes}
    return _untouched(text, top, changes) == untouched and same(
        values, {name: value for name, value in wished.items() if name in changes}
    )
