"""The catalog as text for people: docs/events.md is what `events_page` returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from callboard.catalog.payload import (
    OWN,
    PRINT,
    PRINT_TODAY,
    STUDIO,
    STUDIO_TODAY,
    Anything,
    Nothing,
    Topic,
)
from callboard.catalog.schema import Key, listed

_INTRO = """\
# Events

<!-- Made from the catalog by `callboard.catalog.page()`: change it there (src/callboard/catalog/). -->

Every topic that Callboard knows: what it means, what its `data` holds, an example. The catalog
documents and never rejects: other topics are yours to use, and other keys may stand beside these.
`callboard events TOPIC` prints the same in a terminal, with `--schema` as JSON Schema; a running
hub gives all of it as an AsyncAPI document at `/v1/asyncapi.json`.

Keys are written as in an expression, behind `data.`: a path leads through objects and lists alike.
*From* says where a key comes from: **seed** keys are what the vocabulary promises, **today** keys
are what current publishers send beside them, **callboard** keys are our own. A key in *italics* may
be missing.

A print event carries more than its data: `source.printer`, `source.tags` and `source.job`
(file, path, origin, progress, z) say how things stood when it fired.
"""

_PARTS = (
    (STUDIO, "Studio", "The studio vocabulary, as its description names it."),
    (
        STUDIO_TODAY,
        "Studio, today",
        "What studio clients send beside that. *Local* topics never reach a hub.",
    ),
    (PRINT, "Print", "The print vocabulary. In a hook the name without `octoprint.` is enough."),
    (PRINT_TODAY, "Print, today", "What print hosts send beside that."),
    (OWN, "Callboard", "Our own."),
)

_WIDE = 110


def events_page(topics: Mapping[str, Topic]) -> str:
    """Return docs/events.md."""
    parts = [_INTRO]
    for source, title, line in _PARTS:
        parts.append(f"\n## {title}\n\n{line}\n")
        parts += [topic_text(topic) for topic in topics.values() if topic.source.partition(":")[0] == source]
    return "".join(parts)


def topic_text(topic: Topic) -> str:
    """Return one topic in Markdown: description, keys, example, reply."""
    parts = [f"\n### {topic.name}\n\n{topic.description}\n\n{_origin(topic)}\n"]
    parts.append(_shape("Data", topic.payload, dict(topic.example)))
    if topic.reply is not None:
        parts.append(_shape("A reply", topic.reply, topic.reply_example))
    return "".join(parts)


def _origin(topic: Topic) -> str:
    _, _, section = topic.source.partition(": ")
    where = f" (section “{section}”)" if section else ""
    ours = f" Callboard does since {topic.since}." if topic.since else ""
    more = " More keys come as the publisher likes." if topic.free and topic.payload is not Anything else ""
    alone = " It never reaches a hub." if topic.local else ""
    return f"Published by {topic.published_by}{where}.{ours}{more}{alone}"


def _shape(title: str, type_: Any, example: Any) -> str:
    if type_ is Nothing:
        return f"\n{title}: nothing.\n"
    if type_ is Anything and not example:
        return f"\n{title}: whatever its publisher chose.\n"
    text = json.dumps(example, ensure_ascii=False)
    if len(text) > _WIDE:
        text = json.dumps(example, ensure_ascii=False, indent=2)
    return f"\n{title}:\n{_table(type_)}\n```json\n{text}\n```\n"


def _table(type_: Any) -> str:
    rows = [f"| {_name(key)} | {key.description} | {key.origin} |\n" for key in listed(type_)]
    return "\n| key | holds | from |\n|---|---|---|\n" + "".join(rows) if rows else ""


def _name(key: Key) -> str:
    return f"`{key.path}`" if key.always else f"*`{key.path}`*"
