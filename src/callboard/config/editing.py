"""A configuration's text with some settings changed and all else as it was: comments, order, other sections.

    text, changes -> ruamel (round trip) -> merged -> text

Changes are merged as RFC 7396 says: a mapping goes into the mapping that is there, null takes a setting
out, anything else (a list too) takes the place of what was there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from callboard.config.document import Fault, entries
from callboard.errors import BadConfig, CallboardError

_INDENTED_LIST: Final = re.compile(r"^( *)[\w-]+:[ \t]*\n(?: *#.*\n)*\1 +- ", re.MULTILINE)


class Outdated(CallboardError):
    """The file has changed since it was read: read it again, and change that."""


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return `text` with `changes` merged in; raises BadConfig when it is no mapping of sections.

    What the text then says is not looked at: `callboard.config.load` does that.
    """
    yaml = as_written(text)
    try:
        for _ in entries(text):  # bounded, before ruamel builds all of it
            pass
        document = yaml.load(text)
    except Fault as fault:
        raise BadConfig(f"line {fault.line}: {fault.reason}") from None
    except YAMLError as error:
        raise BadConfig(f"This is no YAML: {' '.join(str(error).split())[:300]}.") from None
    document = CommentedMap() if document is None else document
    _merge(document, changes)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def as_written(text: str) -> YAML:
    """Return a YAML that writes as this file is written: OctoPrint itself does not indent its lists."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    if _INDENTED_LIST.search(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _merge(into: MutableMapping[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        there = into.get(key)
        if value is None:
            into.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(there, MutableMapping):
            _merge(there, value)
        elif value != there:
            into[key] = _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
