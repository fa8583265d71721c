"""Values as YAML text: what a change puts into a file, read back as just that value.

    scalar("no") -> 'no' in quotes     inline([1, 2]) -> [1, 2]     block({"keep": "30d"}, 2) -> lines

Text is written plain only where every YAML reads it as text, OctoPrint's 1.1 too: quotes do no harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = re.compile(r"""[^\W\d_/](?:[\w./~+=@%$()<>;^*!'"-]|:(?=[\w/])|[ ](?=[^\s:#]))*""")
_PATH: Final = re.compile(r"~?/[\w./~+-]*")
_QUANTITY: Final = re.compile(r"[1-9]\d*(?:ms|[smhdw%]|[KMGT]i?B|B)")
_SPOKEN: Final = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
"""Words that one YAML or another takes for a boolean, or for nothing."""
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

_INDENTED_LIST: Final = re.compile(r"^( *)[\w-]+:[^\n]*\n(?: *(?:#.*)?\n)*\1 +- ", re.MULTILINE)


def shift(text: str) -> int:
    """Return how far in a file's lists stand below their keys: OctoPrint itself does not indent them."""
    return 2 if _INDENTED_LIST.search(text) else 0


def scalar(value: Any) -> str:
    """Return a text, number, boolean or None as YAML, for blocks and for braces alike."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return ".inf" if value > 0 else "-.inf"
    return json.dumps(value)


def _text(value: str) -> str:
    if value.lower() not in _SPOKEN and any(form.fullmatch(value) for form in (_PLAIN, _PATH, _QUANTITY)):
        return value
    if _UNSEEN.search(value):
        quoted = json.dumps(value, ensure_ascii=False)
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return "'" + value.replace("'", "''") + "'"


def inline(value: Any) -> str:
    """Return a value on one line, collections in brackets and braces."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return scalar(value)


def is_leaf(value: Any) -> bool:
    """Return whether a value goes behind its key: a scalar, or a collection with nothing in it."""
    return not isinstance(value, Mapping | list) or not value


def block(value: Mapping[str, Any] | list[Any], column: int, shift: int) -> list[str]:
    """Return the lines of a collection that is not empty; a list below a key stands `shift` columns in."""
    pad = " " * column
    if isinstance(value, list):
        return [line for one in value for line in _item(one, column, shift)]
    lines: list[str] = []
    for key, inner in value.items():
        if is_leaf(inner):
            lines.append(f"{pad}{scalar(key)}: {inline(inner)}")
        else:
            below = column + (shift if isinstance(inner, list) else 2)
            lines += [f"{pad}{scalar(key)}:", *block(inner, below, shift)]
    return lines


def _item(value: Any, column: int, shift: int) -> list[str]:
    pad = " " * column
    if is_leaf(value):
        return [f"{pad}- {inline(value)}"]
    first, *rest = block(value, column + 2, shift)
    return [f"{pad}- {first[column + 2 :]}", *rest]
