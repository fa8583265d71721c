"""Where the entries of a YAML text stand: from which character to which, each with what belongs to it.

    text, node -> Entry: | # its heading          Cut(start, end, text): takes characters out, puts text there
                         | key: value   # behind

ruamel's nodes know where a key begins; where a block really ends, before the comments of what follows, they
don't. A line of an entry is its own with what is written behind it; comment lines directly above it, at its
column, are its heading. An empty line between, and the comment is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from callboard.errors import BadConfig

_ALIAS: Final = re.compile(r"[ \t]*(\*[^\s,\[\]{}]+)")
_NAMED: Final = re.compile(r"\s*:(?:[ \t]*\*\S+)?")
_DASH: Final = re.compile(r"^[ -]*-(?:[ \t]*\*\S+)?", re.MULTILINE)
_NOTHING: Final = re.compile(r"(?:\s|#.*)*")
_COLON: Final = re.compile(r"\s*:")
_COMMENT: Final = re.compile(r"( *)#")


class Unclear(BadConfig):
    """This can't be changed in place, as it is written there: send the whole file as YAML."""


class Cut(NamedTuple):
    """Characters that go, and the text that takes their place."""

    start: int
    end: int
    text: str = ""


class Entry(NamedTuple):
    """A key with its value, or an item of a list."""

    start: int
    """Where its key, or its dash, stands; in brackets an item itself."""
    after: int
    """Behind the colon or the dash."""
    first: int
    """Where the value begins."""
    end: int
    """Where the value ends, with no comment behind it."""
    floor: int
    """Where the entry before ends."""
    node: Node
    alias: bool
    """Whether the value is only named here and stands elsewhere."""
    value: Any
    """What it reads as."""


def applied(text: str, cuts: Iterable[Cut], start: int = 0, end: int | None = None) -> str:
    """Return `text` from `start` to `end` with cuts made; what is put in at one place keeps its order."""
    out: list[str] = []
    at = start
    for cut in sorted(cuts, key=lambda cut: (cut.start, cut.end > cut.start)):
        out += text[at : max(at, cut.start)], cut.text
        at = max(at, cut.start, cut.end)
    return "".join(out) + text[at:end]


class Places:
    """Finds the entries of a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def line(self, at: int) -> int:
        """Return where the line of a character begins."""
        return self.text.rfind("\n", 0, at) + 1

    def below(self, at: int) -> int:
        """Return where the line behind that of a character begins."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    def column(self, entry: Entry) -> int:
        """Return how far in an entry stands."""
        return entry.start - self.line(entry.start)

    def begins_line(self, entry: Entry) -> bool:
        """Return whether nothing stands before an entry on its line; a dash does."""
        return not self.text[self.line(entry.start) : entry.start].strip(" ")

    def heading(self, entry: Entry) -> int:
        """Return where the comments directly above an entry begin; those of the file's top are the file's."""
        column, at = self.column(entry), self.line(entry.start)
        found = at
        while found > entry.floor and (above := self.line(found - 1)) >= entry.floor:
            comment = _COMMENT.match(self.text, above)
            if comment is None or len(comment[1]) != column:
                return found
            found = above
        return found if found > 0 else at

    def pairs(self, node: MappingNode, values: dict[str, Any]) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of a mapping by key; `values` is what they read as."""
        floor = 0
        for key, value in node.value:
            start, behind = key.start_mark.index, key.end_mark.index
            colon = _COLON.match(self.text, behind)
            after = colon.end() if colon else behind
            entry = self._entry(start, after, floor, value, values.get(str(key.value)))
            yield str(key.value), entry
            floor = entry.end

    def items(self, node: SequenceNode, values: list[Any]) -> Iterator[Entry]:
        """Yield the entries of a list; `values` is what they read as."""
        first = node.start_mark.index
        dash = re.compile(rf"^ {{{first - self.line(first)}}}-(?=\s|\Z)", re.MULTILINE)
        floor = 0
        for value, read in zip(node.value, values, strict=True):
            if node.flow_style:
                entry = self._flow_item(floor, value, read)
            else:
                at = self._dash(dash, floor) if floor else first
                if self.text[at] != "-":  # an anchor or a tag stands before the list
                    raise Unclear
                entry = self._entry(at, at + 1, floor, value, read)
            yield entry
            floor = entry.end

    def _dash(self, dash: re.Pattern[str], floor: int) -> int:
        found = dash.search(self.text, floor)
        if found is None:
            raise Unclear
        return found.end() - 1

    def _flow_item(self, floor: int, node: Node, value: Any) -> Entry:
        start = node.start_mark.index
        if start < floor:  # an alias: its comma or bracket may be anywhere
            raise Unclear
        return self._entry(start, start, floor, node, value)

    def _entry(self, start: int, after: int, floor: int, node: Node, value: Any) -> Entry:
        first = int(node.start_mark.index)
        if first < start:
            found = _ALIAS.match(self.text, after)
            first, end = found.span(1) if found else (-1, after)
            return Entry(start, after, first, end, floor, node, True, value)
        if is_empty(node):
            return Entry(start, after, after, after, floor, node, False, value)
        return Entry(start, after, first, self.end(node), floor, node, False, value)

    def end(self, node: Node) -> int:
        """Return where a node that is not empty ends, with no comment and no empty line behind it."""
        while is_block(node):
            behind, last = node, node.value[-1]
            if isinstance(last, tuple):
                key, value = last
                if value.start_mark.index < key.start_mark.index or is_empty(value):
                    return self._behind(key.end_mark.index)
                node = value
            elif is_empty(last) or not _NOTHING.fullmatch(
                self.text, last.end_mark.index, behind.end_mark.index
            ):
                return self._last_dash(behind)
            else:
                node = last
        end = int(node.end_mark.index)
        if isinstance(node, ScalarNode) and node.style in {"|", ">"}:
            while self.text[end - 1].isspace():
                end -= 1
        return end

    def _behind(self, key: int) -> int:
        """Return where a pair ends that has nothing or an alias for a value; `key` is where its key ends."""
        found = _NAMED.match(self.text, key)
        return found.end() if found else key

    def _last_dash(self, node: Node) -> int:
        """Return where a list ends whose last item is nothing or an alias."""
        text = self.text[node.start_mark.index : node.end_mark.index]
        return int(node.start_mark.index) + max((found.end() for found in _DASH.finditer(text)), default=0)


def is_empty(node: Node) -> bool:
    """Return whether nothing at all is written for a value; its mark is then that of what follows."""
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def is_block(node: Node) -> bool:
    """Return whether a node is a collection on lines of its own."""
    return isinstance(node, CollectionNode) and not node.flow_style


def within(node: Node) -> Iterator[Node]:
    """Yield a node, and every node below it, each time that it is reached; below, only the first time."""
    seen: set[int] = set()
    left = [node]
    while left:
        one = left.pop()
        yield one
        if isinstance(one, CollectionNode) and id(one) not in seen:
            seen.add(id(one))
            for inner in one.value:
                left.extend(inner if isinstance(inner, tuple) else (inner,))
