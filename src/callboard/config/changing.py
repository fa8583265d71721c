"""The cuts that make a YAML text read as wished: of each value only what changes, down to the scalar.

entry, wished -> mapping | list: its entries, arranged anew -> Cut
-> anything else: its value, written anew     -> Cut
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from callboard.config.pairing import paired, same
from callboard.config.places import Cut, Entry, Places, Unclear, applied, is_block, is_empty, within
from callboard.config.rendering import block, inline, is_leaf, shift
from callboard.errors import BadConfig

_COMMA: Final = re.compile(r"\s*,")


class Shared(BadConfig):
    """This setting shares its values with another (an anchor, or `<<`): write them out in the file first."""


class Changing:
    """Makes cuts in one text; `top` is its mapping, None when nothing stands there."""

    def __init__(self, text: str, top: MappingNode | None) -> None:
        self.text, self._top = text, top
        self._at = Places(text)
        self._shift = shift(text)
        self._newline = "\r\n" if "\r\n" in text else "\n"
        reached = Counter(map(id, within(top))) if top is not None else Counter[int]()
        self._shared = {one for one, times in reached.items() if times > 1}

    def changed(self, before: dict[str, Any], wished: dict[str, Any]) -> str:
        """Return the text with its sections as wished; raises Shared or Unclear."""
        if self._top is None:
            return self.text + self._block(wished, 0)
        if self._top.flow_style:
            end = self._at.end(self._top)
            start = self._top.start_mark.index
            whole = Entry(start, start, start, end, 0, self._top, False, before)
            return applied(self.text, self._become(whole, wished, True))
        return applied(self.text, self._sections(self._top, before, wished))

    def _sections(self, top: MappingNode, before: dict[str, Any], wished: dict[str, Any]) -> Iterator[Cut]:
        pairs = dict(self._at.pairs(top, before))
        for name, entry in pairs.items():
            if name in wished:
                yield from self._become(entry, wished[name], False)
        new = {name: value for name, value in wished.items() if name not in pairs}
        if new:
            end = top.end_mark.index
            yield Cut(end, end, self._block(new, 0))
        stay = {entry.start for name, entry in pairs.items() if name in wished}
        yield from self._removed(list(pairs.values()), stay, False)

    def _become(self, entry: Entry, wished: Any, flow: bool) -> Iterator[Cut]:
        """Yield the cuts that make an entry's value read as wished."""
        if same(entry.value, wished):
            return
        node = entry.node
        flow = flow or (isinstance(node, CollectionNode) and bool(node.flow_style) and bool(node.value))
        if not entry.alias and not is_leaf(wished) and not is_leaf(entry.value):
            self._only(node)
            if isinstance(node, MappingNode) and isinstance(wished, dict):
                found = self._mapping(node, entry.value, wished, flow)
            elif isinstance(node, SequenceNode) and isinstance(wished, list):
                found = self._list(node, entry.value, wished, flow)
            else:
                found = None
            if found is not None:
                yield from found
                return
        yield from self._replaced(entry, wished, flow)

    def _only(self, *nodes: Node) -> None:
        """Raise Shared when a node also stands for something elsewhere."""
        if any(id(node) in self._shared for node in nodes):
            raise Shared

    def _mapping(
        self, node: MappingNode, before: dict[str, Any], wished: dict[str, Any], flow: bool
    ) -> list[Cut] | None:
        """Return the cuts of a mapping's entries; None when none of them stays."""
        entries = list(self._at.pairs(node, before))
        own = {name for name, _ in entries}
        if any(name not in own and name not in wished for name in before):  # `<<` brings it
            raise Shared
        order: list[Entry | str] = []
        cuts: list[Cut] = []
        for name, entry in entries:
            if name in wished:
                cuts += self._become(entry, wished[name], flow)
            if name in wished or (name == "<<" and name not in before):  # a merge stays
                order.append(entry)
        if not order:
            return None
        new = {k: v for k, v in wished.items() if k not in own and not (k in before and same(before[k], v))}
        if new:
            column = self._at.column(entries[0][1])
            order.append(inline(new)[1:-1] if flow else self._block(new, column))
        return [*cuts, *self._arranged([entry for _, entry in entries], order, flow)]

    def _list(self, node: SequenceNode, before: list[Any], wished: list[Any], flow: bool) -> list[Cut] | None:
        """Return the cuts of a list's entries; None when none of them stays."""
        entries = list(self._at.items(node, before))
        pairs = paired(before, wished)
        order: list[Entry | str] = []
        cuts: list[Cut] = []
        last = -1
        for value, at in zip(wished, pairs, strict=True):
            if at is None:
                order.append(inline(value) if flow else self._block([value], self._at.column(entries[0])))
                continue
            inner = list(self._become(entries[at], value, flow))
            if at > last:
                order.append(entries[at])
                cuts += inner
                last = at
            else:
                self._only(*within(entries[at].node))
                order.append(self._moved(entries[at], inner, flow))
        return [*cuts, *self._arranged(entries, order, flow)] if last >= 0 else None

    def _moved(self, entry: Entry, cuts: Sequence[Cut], flow: bool) -> str:
        """Return an entry's text, with its heading, as it goes elsewhere."""
        if flow:
            return applied(self.text, cuts, entry.start, entry.end)
        begins = self._at.begins_line(entry)
        start = self._at.heading(entry) if begins else entry.start
        pad = "" if begins else " " * self._at.column(entry)
        return pad + applied(self.text, cuts, start, self._at.below(entry.end))

    def _arranged(self, entries: list[Entry], order: list[Entry | str], flow: bool) -> Iterator[Cut]:
        """Yield the cuts that leave of `entries` those in `order`, with new text between them."""
        last: Entry | None = None
        for one in order:
            if isinstance(one, Entry):
                last = one
            elif last is None:
                yield self._before(entries[0], one, flow)
            elif flow:
                yield Cut(last.end, last.end, f", {one}")
            else:
                below = self._at.below(last.end)
                yield Cut(below, below, one)
        stay = {one.start for one in order if isinstance(one, Entry)}
        yield from self._removed(entries, stay, flow)

    def _before(self, first: Entry, text: str, flow: bool) -> Cut:
        """Return the cut that puts text before the first entry."""
        if flow:
            return Cut(first.start, first.start, f"{text}, ")
        if self._at.begins_line(first):
            above = self._at.heading(first)
            return Cut(above, above, text)
        return Cut(first.start, first.start, text.lstrip(" ") + " " * self._at.column(first))

    def _removed(self, entries: Sequence[Entry], stay: set[int], flow: bool) -> Iterator[Cut]:
        """Yield the cuts that take out the entries which do not stay; `stay` is where the others begin."""
        behind: list[int | None] = []
        for entry in reversed(entries):
            nearest = behind[-1] if behind else None
            behind.append(entry.start if entry.start in stay else nearest)
        before: int | None = None
        for entry, then in zip(entries, reversed(behind), strict=True):
            if entry.start in stay:
                before = entry.end
                continue
            self._only(*([] if entry.alias else within(entry.node)))
            yield self._out_of_brackets(entry, before, then) if flow else self._out_of_lines(entry, then)

    def _out_of_lines(self, entry: Entry, behind: int | None) -> Cut:
        """Return the cut that takes an entry out, with its heading."""
        if self._at.begins_line(entry):
            return Cut(self._at.heading(entry), self._at.below(entry.end))
        if behind is not None and not self._commented(entry.end, behind):
            return Cut(entry.start, behind)
        return Cut(entry.start, self._at.below(entry.end) - 1)  # the dash before it keeps its line

    def _commented(self, start: int, end: int) -> bool:
        return self.text.find("#", start, end) >= 0

    def _out_of_brackets(self, entry: Entry, before: int | None, behind: int | None) -> Cut:
        """Return the cut that takes an entry out, with one comma, and with no comment."""
        if behind is not None and not self._commented(entry.end, behind):
            return Cut(entry.start, behind)
        if behind is None and before is not None and not self._commented(before, entry.start):
            return Cut(before, entry.end)
        comma = _COMMA.match(self.text, entry.end)
        return Cut(entry.start, comma.end() if comma else entry.end)

    def _replaced(self, entry: Entry, wished: Any, flow: bool) -> Iterator[Cut]:
        """Yield the cuts that write a value anew."""
        if entry.first < 0:
            raise Unclear
        self._only(*([] if entry.alias else within(entry.node)))
        if flow and is_empty(entry.node) and not entry.alias:
            key = self.text[entry.start : entry.end].rstrip(" :")
            yield Cut(entry.start, entry.end, f"{key}: {inline(wished)}")
        elif flow:
            yield Cut(entry.first, entry.end, inline(wished))
        elif self.text[entry.start] == "-" and entry.after == entry.start + 1:
            text = self._block([wished], self._at.column(entry))
            yield Cut(entry.start, entry.end, text.strip())
        elif is_leaf(wished):
            yield from self._as_leaf(entry, wished)
        else:
            yield from self._as_block(entry, wished)

    def _as_leaf(self, entry: Entry, wished: Any) -> Iterator[Cut]:
        """Yield the cuts that put a value behind its key; comments behind the key, and below, stay."""
        if entry.alias or not is_block(entry.node):
            behind = entry.first == entry.after  # nothing stood there
            yield Cut(entry.first, entry.end, f"{' ' * behind}{inline(wished)}")
            return
        yield Cut(entry.after, entry.after, f" {inline(wished)}")
        yield Cut(self._first_line(entry), self._at.below(entry.end))

    def _as_block(self, entry: Entry, wished: Any) -> Iterator[Cut]:
        """Yield the cuts that put a collection below its key."""
        deeper = self._shift if isinstance(wished, list) else 2
        text = self._block(wished, self._at.column(entry) + deeper)
        below = self._at.below(entry.end)
        if entry.alias or not is_block(entry.node):
            start = entry.first if self._commented(entry.after, entry.first) else entry.after
            yield Cut(start, entry.end)
            yield Cut(below, below, text)
        else:
            yield Cut(self._first_line(entry), below, text)

    def _first_line(self, entry: Entry) -> int:
        """Return where the lines of a block begin, behind the comments that stand first."""
        node = entry.node
        first = node.value[0][0] if isinstance(node, MappingNode) else node
        return self._at.line(first.start_mark.index)

    def _block(self, value: Any, column: int) -> str:
        return "".join(line + self._newline for line in block(value, column, self._shift))
