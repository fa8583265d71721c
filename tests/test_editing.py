"""A change of settings in the file's text: it says just what was wished, and all else stays to the letter."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.config.document import Faults, entries, item
from callboard.config.editing import edited, merged
from callboard.config.pairing import same
from callboard.errors import BadConfig

FILE = """\
# the workshop's hub

# how long
log:
  keep: 30d   # as the lawyer said
  sync: normal

# the hooks
events:   # all of them
  subscriptions:
    # greets
    - event: demo.hello   # by name
      type: system
      command: 'echo "hello {name}"'

    # says goodbye
    - event: demo.bye
      type: system   # not gcode
      command: echo bye
# the printers
printers: [
  {name: left, port: virtual},   # by the door
  {name: right, port: virtual},
]
# the end
"""
HELLO = {"event": "demo.hello", "type": "system", "command": 'echo "hello {name}"'}
BYE = {"event": "demo.bye", "type": "system", "command": "echo bye"}
LEFT, RIGHT = ({"name": name, "port": "virtual"} for name in ("left", "right"))


def reads_as(text: str) -> dict[str, Any]:
    return {name: item(node, line, Faults("")).plain() for name, line, node in entries(text)}


def lines(first: int, last: int) -> list[str]:
    """Return lines of FILE, from 1, as a difference that takes them out."""
    return [f"- {line}" for line in FILE.splitlines()[first - 1 : last]]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"log": {"keep": "90d"}}, [*lines(5, 5), "+   keep: 90d   # as the lawyer said"]),
        ({"log": {"sync": None}}, lines(6, 6)),
        ({"log": None}, lines(3, 6)),
        ({"events": None}, lines(8, 19)),
        ({"log": {"url": None}}, []),
        ({"log": {"keep": "30d"}}, []),
        ({"log": {"max_bytes": 1}}, ["+   max_bytes: 1"]),
        ({"log": {"sync": None, "keep": None}}, [*lines(4, 6), "+ log: {}"]),
        ({"studio": {"enabled": False}}, ["+ studio:", "+   enabled: false"]),
        (
            {"events": {"subscriptions": [HELLO, BYE | {"command": "echo 'so long'"}]}},
            [*lines(19, 19), "+       command: echo 'so long'"],
        ),
        ({"events": {"subscriptions": [BYE]}}, lines(11, 14)),
        ({"events": {"subscriptions": [HELLO]}}, lines(16, 19)),
        (
            {"events": {"subscriptions": [{"event": "x.y", "command": ["a", "b"]}, HELLO, BYE]}},
            ["+     - event: x.y", "+       command:", "+         - a", "+         - b"],
        ),
        (
            {"printers": [LEFT, RIGHT | {"port": "/dev/ttyACM0"}]},
            [*lines(23, 23), "+   {name: right, port: /dev/ttyACM0},"],
        ),
        (
            {"printers": [LEFT, RIGHT, {"name": "third", "tags": ["a: b"]}]},
            [*lines(23, 23), "+   {name: right, port: virtual}, {name: third, tags: ['a: b']},"],
        ),
        ({"events": {"subscriptions": None, "enabled": True}}, [*lines(10, 19), "+   enabled: true"]),
        ({"log": 5, "printers": None}, [*lines(4, 6), "+ log: 5", *lines(20, 24)]),
    ],
)
def test_only_the_lines_of_what_changes_are_others(changes: dict[str, Any], difference: list[str]) -> None:
    text = edited(FILE, changes)
    found = difflib.unified_diff(FILE.splitlines(), text.splitlines(), n=0, lineterm="")
    plain = [re.sub(r"^([+-])", r"\1 ", line) for line in found if not line.startswith(("---", "+++", "@@"))]
    assert plain == difference
    assert same(reads_as(text), merged(reads_as(FILE), changes))


def test_an_entry_that_moves_takes_its_comments_along() -> None:
    text = edited(FILE, {"events": {"subscriptions": [BYE, HELLO]}})
    before, after = FILE.splitlines(), text.splitlines()
    assert after == [*before[:10], "", *before[15:19], *before[10:14], *before[19:]]


@pytest.mark.parametrize(
    ("text", "changes", "after"),
    [
        ("", {"log": {"keep": "1d"}}, "log:\n  keep: 1d\n"),
        ("# only this", {"log": {}}, "# only this\nlog: {}\n"),
        ("---\na: 1\n...\n", {"b": 2}, "---\na: 1\nb: 2\n...\n"),
        ("a: 1", {"b": 2}, "a: 1\nb: 2\n"),
        ("{a: {b: 1}, c: }\n", {"a": {"b": None, "d": "x,y"}, "c": 1}, "{a: {d: 'x,y'}, c: 1 }\n"),
        ("a:\n  b:\n# c\nd:\n", {"a": {"b": 1}, "d": {"e": []}}, "a:\n  b: 1\n# c\nd:\n  e: []\n"),
        ("a:\r\n  b: 1\r\n", {"a": {"c": 2}}, "a:\r\n  b: 1\r\n  c: 2\r\n"),
        ("a:\n- 1\n- 2 # two\n# b\nb: 1\n", {"a": [2, 3]}, "a:\n- 2 # two\n- 3\n# b\nb: 1\n"),
        ("a: |\n  x\n  # y\n\n# b\nb: 1\n", {"a": None}, "\n# b\nb: 1\n"),
        ("a: # why\n  1\nb: [1, 2]\n", {"a": [1], "b": [2, 1]}, "a: # why\n  \n- 1\nb: [2, 1]\n"),
        ("a: 0\nb: 1\nc: 1\n", {"a": False, "b": True, "c": 1.0}, "a: false\nb: true\nc: 1.0\n"),
        (
            "a: 2024-13-45\nb: !!python/name:x y\nc: 1\n",
            {"c": 2},
            "a: 2024-13-45\nb: !!python/name:x y\nc: 2\n",
        ),
    ],
)
def test_any_way_of_writing_is_kept(text: str, changes: dict[str, Any], after: str) -> None:
    assert edited(text, changes) == after


@pytest.mark.parametrize("text", ["a: &x {t: 1}\nb: *x\n", "a: &x\n  t: 1\nb:\n  <<: *x\n"])
def test_a_change_where_an_alias_stood_is_its_own(text: str) -> None:
    assert reads_as(edited(text, {"b": {"t": 2}})) == {"a": {"t": 1}, "b": {"t": 2}}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("a: &x {t: 1}\nb: *x\n", {"a": {"t": 2}}),
        ("a: &x {t: 1}\nb: *x\n", {"a": None}),
        ("a: &x\n  t: 1\nb:\n  <<: *x\n  u: 2\n", {"a": {"t": 2}}),
        ("a: &x\n  t: 1\nb:\n  <<: *x\n  u: 2\n", {"b": {"t": None}}),
    ],
)
def test_a_change_that_would_change_others_too_is_refused(text: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="shares its values"):
        edited(text, changes)


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("x: &x 1\na: # one\n  *x\n", {"a": 2}, "send the whole file"),
        ("a: &x\n- 1\n", {"a": [1, 2]}, "send the whole file"),
        ("a: 1\na: 2\n", {"a": 3}, "stands here twice"),
        ("- a\n", {"a": 3}, "keys with values"),
        ("a: [\n", {"a": 3}, "no YAML"),
    ],
)
def test_what_can_not_be_changed_in_place_is_said(text: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        edited(text, changes)


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(BadConfig, match="40 levels"):
        edited("", deep)


words = st.sampled_from(["a", "b", "no", "1", "#x", "- y", "k: v", "", "0x1f", "2024-01-01"]) | st.text(
    max_size=8
)
scalars = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False) | words
keys = st.sampled_from(["a", "b", "c", "on", "<<", "x y"])


def values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.lists(
        st.tuples(st.sampled_from("pqrst"), st.dictionaries(keys, inner, max_size=3)), max_size=4
    )
    hooks = named.map(lambda found: [{"name": name, **rest} for name, rest in dict(found).items()])
    return hooks | st.lists(scalars, max_size=3) | st.dictionaries(keys, inner, max_size=3)


trees = st.recursive(scalars, values, max_leaves=12)
files = st.dictionaries(st.sampled_from(["log", "events", "printers", "left"]), trees, max_size=4)


class Written:
    """Writes a document as people do: comments above and behind, braces, lists indented or not."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._shift = draw(st.sampled_from([0, 2]))
        self.lines = ["# of the file", ""]
        self.comments: dict[str, tuple[Any, ...]] = {"# of the file": ()}

    def _comment(self, path: tuple[Any, ...]) -> str:
        said = f"# c{len(self.comments)}."
        self.comments[said] = path
        return said

    def mapping(self, value: dict[str, Any], column: int, path: tuple[Any, ...] = (), dash: str = "") -> None:
        for key, inner in value.items():
            below = (*path, key)
            if not dash and self._draw(st.booleans()):
                self.lines.append(" " * column + self._comment(below))
            self._entry(" " * (column - len(dash)) + dash + f"{quoted(key)}:", inner, column, below)
            dash = ""

    def _entry(self, start: str, value: Any, column: int, path: tuple[Any, ...]) -> None:
        behind = "  " + self._comment(path) if self._draw(st.booleans()) else ""
        if not isinstance(value, dict | list) or not value or self._draw(st.integers(0, 3)) == 0:
            self.lines.append(f"{start} {quoted(value)}{behind}")
            return
        self.lines.append(start + behind)
        if isinstance(value, dict):
            self.mapping(value, column + 2, path)
        else:
            self._list(value, column + self._shift, path)

    def _list(self, value: list[Any], column: int, path: tuple[Any, ...]) -> None:
        for at, inner in enumerate(value):
            below = (*path, inner["name"] if isinstance(inner, dict) else at)
            if isinstance(inner, dict):
                if self._draw(st.booleans()):
                    self.lines.append(" " * column + self._comment(below))
                self.mapping(inner, column + 2, below, "- ")
            else:
                self.lines.append(" " * column + f"- {quoted(inner)}")


def quoted(value: Any) -> str:
    """Return a value as JSON, which is YAML, on one line."""
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return ".inf" if value > 0 else "-.inf"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {quoted(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(quoted, value)) + "]"
    return json.dumps(value)


def stays(path: tuple[Any, ...], before: Any, after: Any) -> bool:
    """Return whether an entry is there before and after, and no value above it was written anew."""
    for key in path:
        if isinstance(before, list):
            before, after = (
                {one.get("name"): one for one in side if isinstance(one, dict)} for side in (before, after)
            )
        if key not in before or key not in after:
            return False
        if isinstance(before, dict) and not set(before) & set(after):
            return False
        before, after = before[key], after[key]
        if type(before) is not type(after) and (
            isinstance(before, dict | list) or isinstance(after, dict | list)
        ):
            return False
    return True


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, dict[str, tuple[Any, ...]], dict[str, Any]]:
    """Give a file, its comments by the path of what they are about, and changes."""
    document = draw(files)
    written = Written(draw)
    written.mapping(document, 0)
    changes = draw(
        st.dictionaries(keys | st.sampled_from(sorted(document) or ["log"]), st.none() | trees, max_size=3)
    )
    for name, value in document.items():
        if isinstance(value, list) and draw(st.booleans()):
            order = draw(st.permutations(value))
            changes[name] = order[: draw(st.integers(0, len(order)))] + draw(
                st.just([]) | st.lists(trees, max_size=1)
            )
    return "\n".join(written.lines) + "\n", written.comments, changes


@given(edits())
def test_any_change_reads_as_wished_and_no_comment_of_others_is_lost(
    edit: tuple[str, dict[str, tuple[Any, ...]], dict[str, Any]],
) -> None:
    text, comments, changes = edit
    before = reads_as(text)
    wished = merged(before, changes)
    after = edited(text, changes)
    assert same(reads_as(after), wished)
    lost = [said for said, path in comments.items() if said not in after and stays(path, before, wished)]
    assert not lost
