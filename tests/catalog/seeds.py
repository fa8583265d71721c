"""Reads the two seeds: the documents that the topics' names and payloads come from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
"""The seeds lie beside the checkout; they are not part of it."""


def print_seed() -> dict[str, set[str]]:
    """Return {event name: payload keys} of the print seed."""
    text = (SEEDS / "print-events.txt").read_text("utf-8").replace("|", "")
    lines = [line for line in text.partition("Available Events")[2].splitlines() if line]
    events: dict[str, set[str]] = {}
    name = ""
    for line, after in pairwise([*lines, ""]):
        if re.fullmatch(r"[A-Z][A-Za-z]+", line) and not after.startswith("---"):
            name = line
            events[name] = set()
        elif key := re.match(r"\s*\* ``(\w+)``:", line):
            events[name].add(key[1])
    return events


def studio_seed() -> dict[str, tuple[Any, Any]]:
    """Return {topic: (data, reply data or None)} of the studio seed's examples; `...` is left out."""
    text = (SEEDS / "studio-events.txt").read_text("utf-8").replace("\xa0", " ").partition("Events list")[2]
    found: dict[str, tuple[Any, Any]] = {}
    topic = ""
    for block in _blocks(text):
        call = _value(ast.parse(block, mode="eval").body)
        if block.startswith("Event("):
            topic = call.get("topic", topic)
            data = _merged(found.get(topic, ({}, None))[0], call["data"])
            found[topic] = (data, None)
        else:
            found[topic] = (found[topic][0], call)
    return found


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Yield the paths of all keys in a value, through lists too."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, prefix)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield prefix + key
            yield from paths(inner, f"{prefix}{key}.")


def _blocks(text: str) -> Iterator[str]:
    text = re.sub(r"(?m)^ *\.\.\.,?\n", "", text).replace("existingName.upper()", "'NAME'")
    lines = text.splitlines()
    while lines:
        line = lines.pop(0)
        if line.strip() in {"Event(", "dict(", "["}:
            block = line.strip()
            while block.count("(") + block.count("[") > block.count(")") + block.count("]"):
                block += "\n" + lines.pop(0)
            yield block


def _value(node: ast.expr) -> Any:
    """Evaluate what the examples are written with: dict(...), lists and literals."""
    match node:
        case ast.Call():
            return {each.arg: _value(each.value) for each in node.keywords}
        case ast.List():
            return [_value(each) for each in node.elts]
        case _:
            return ast.literal_eval(node)


def _merged(one: Any, other: Any) -> Any:
    return {
        **one,
        **{
            key: [*one.get(key, []), *value] if isinstance(value, list) else value
            for key, value in other.items()
        },
    }
