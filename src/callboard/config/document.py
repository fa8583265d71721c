"""YAML text as values that know their line.

    text --> ruamel's nodes --> `entries` of the top --> `Item` trees of the sections that are ours

Only what is asked for is turned into values: the rest of an OctoPrint file may hold what it likes.
The rules are YAML 1.2's (012 is 12, 1:30 is text), but a plain yes, no, on or off is a boolean, as
in OctoPrint. Keys are text, dates stay text. Size, depth and number of values are bounded, aliases
counted each time they stand for something.

ruamel's own round-trip values were the alternative: they know lines too, but build all of a file,
and by then an alias bomb has gone off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from callboard.errors import BadConfig

MAX_TEXT = 1024 * 1024
"""Characters a configuration may have."""
MAX_DEPTH = 40
"""How deep a section may nest."""
MAX_VALUES = 250_000
"""Values that our sections may hold, with every alias written out."""

WARNING = "warning: "
"""How the reason begins of what is told beside faults and is none itself."""

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"yes": True, "no": False, "on": True, "off": False, "true": True, "false": False}


class Item(Struct, frozen=True):
    """A value and the line (from 1) on which it, or its key, stands.

    `value` is a mapping of text to items, a tuple of items, or text, number, boolean or None.
    """

    value: Any
    line: int

    def plain(self) -> Any:
        """Return the value without lines: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value


class Fault(Exception):
    """Something wrong on a line."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(reason)


class Faults:
    """What is wrong with a file; `raised` tells all of it at once, one fault a line."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[tuple[int, str]] = []
        self._warnings: list[tuple[int, str]] = []

    def add(self, line: int, reason: str) -> None:
        """Note a fault."""
        self._found.append((line, reason))

    def warn(self, line: int, reason: str) -> None:
        """Note what is no fault, and is only told beside one."""
        self._warnings.append((line, f"{WARNING}{reason}"))

    def raised(self) -> None:
        """Raise BadConfig if a fault was noted; warnings stand behind the faults."""
        if self._found:
            told = [*sorted(self._found), *sorted(self._warnings)]
            raise BadConfig("\n".join(at(self.file, line, reason) for line, reason in told))


def at(file: str, line: int, reason: str) -> str:
    """Return `file:line: reason`."""
    return f"{file}:{line}: {reason}"


def entries(text: str) -> Iterator[tuple[str, int, Node]]:
    """Yield key, line and node of each entry at the top; nothing for an empty file. Raises Fault."""
    top = compose(text)
    for key, value in top.value if top is not None else ():
        yield _key(key), _line(key), value


def compose(text: str) -> MappingNode | None:
    """Return the file's mapping; None for an empty file. Raises Fault."""
    if len(text) > MAX_TEXT:
        raise Fault(1, f"the file has {len(text)} characters; at most {MAX_TEXT} are read.")
    top = _compose(text)
    if top is None or _is_null(top):
        return None
    if not isinstance(top, MappingNode):
        raise Fault(_line(top), "the file must hold keys with values, such as `events:`.")
    return top


def item(node: Node, line: int, faults: Faults) -> Item:
    """Return the values below `node`; keys that stand twice are noted in `faults`. Raises Fault."""
    return _Reading(faults).item(node, line, 0)


class _Reading:
    """Turns nodes into items, up to a number that aliases can't talk their way around."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._left = MAX_VALUES

    def item(self, node: Node, line: int, depth: int) -> Item:
        self._left -= 1
        if self._left < 0:
            raise Fault(line, f"there are more than {MAX_VALUES} values here, with every alias written out.")
        if depth > MAX_DEPTH:
            raise Fault(line, f"this is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(node, MappingNode):
            return Item(self._mapping(node, depth), line)
        if isinstance(node, SequenceNode):
            return Item(tuple(self.item(each, _line(each), depth + 1) for each in node.value), line)
        assert isinstance(node, ScalarNode)
        return Item(_scalar(node, line), line)

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Item]:
        found: dict[str, Item] = {}
        merged: dict[str, Item] = {}
        for key, value in node.value:
            if _is_merge(key):
                merged |= self._merged(value, depth)
                continue
            name, line = _key(key), _line(key)
            if name in found:
                self._faults.add(line, f"{name!r} stands here twice (first on line {found[name].line}).")
                continue
            found[name] = self.item(value, line, depth + 1)
        return merged | found

    def _merged(self, node: Node, depth: int) -> dict[str, Item]:
        """Return what `<<` brings: the entries of one mapping, or of several, the first winning."""
        several = reversed(node.value) if isinstance(node, SequenceNode) else [node]
        found: dict[str, Item] = {}
        for each in several:
            if not isinstance(each, MappingNode):
                raise Fault(_line(node), "`<<` takes a mapping, or a list of them.")
            inner: Mapping[str, Item] = self.item(each, _line(each), depth + 1).value
            found |= inner
        return found


def _compose(text: str) -> Node | None:
    try:
        found: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, str(error.problem or error.context)
        raise Fault(mark.line + 1 if mark else 1, f"this is no YAML: {problem}{_hint(problem)}.") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Fault(line, f"this is no YAML: {error.reason}.") from None
    except YAMLError as error:
        raise Fault(1, f"this is no YAML: {error}.") from None
    except RecursionError:
        raise Fault(1, f"this is nested deeper than {MAX_DEPTH} levels.") from None
    return found


def _hint(problem: str) -> str:
    """Return what most often is behind a complaint, as in `command: say "Done: {file}"`."""
    return ' (quote a value that holds ": ")' if "mapping values" in problem else ""


def _scalar(node: ScalarNode, line: int) -> Any:
    text: str = node.value
    tag = str(node.tag).removeprefix(_TAG)
    if tag in _READERS:
        try:
            return _READERS[tag](text)
        except (ValueError, KeyError):
            raise Fault(line, f"{text[:40]!r} is no {tag}.") from None
    if tag not in _TEXTS:
        raise Fault(line, f"the tag {str(node.tag)[:80]!r} is not understood here: leave it out.")
    return text if node.style else _BOOLEANS.get(_cased(text), text)


def _cased(text: str) -> str:
    """Lower what YAML 1.1 takes in three cases (yes, Yes, YES), leave the rest (yEs)."""
    return text.lower() if text in {text.lower(), text.upper(), text.capitalize()} else text


def _integer(text: str) -> int:
    if len(text) > 100:
        raise ValueError
    digits = text.replace("_", "").lower()
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.lstrip("+-").startswith(prefix):
            return int(digits.replace(prefix, "", 1), base)
    return int(digits)


def _float(text: str) -> float:
    text = text.replace("_", "").lower()
    sign, name = (text[0], text[1:]) if text[:1] in {"+", "-"} else ("", text)
    return float(sign + name.removeprefix(".") if name in {".inf", ".nan"} else text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: _BOOLEANS[text.lower()],
    "int": _integer,
    "float": _float,
}
_TEXTS = frozenset({"str", "timestamp", "value", "merge"})


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        raise Fault(_line(node), "a key must be text.")
    return str(node.value)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == _TAG + "null"


def _is_merge(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == _TAG + "merge"
