"""`callboard events`: the known topics, and what each carries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from callboard import catalog
from callboard.cli.outcome import AsJson, WrongUse
from callboard.cli.output import bold, say, say_json, table

if TYPE_CHECKING:
    from callboard.catalog import Topic


def events(
    topic: str | None = None,
    /,
    *,
    schema: Annotated[bool, Parameter(negative="", help="Print the JSON Schema of the payload.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the catalog of known topics, or one of them with its payload and an example."""
    if topic is None:
        _all(schema, as_json)
        return
    known = catalog.topic(topic)
    if known is None:
        raise WrongUse(_unknown(topic))
    if schema:
        say(json.dumps(catalog.json_schema(known), indent=2))
    elif as_json:
        say_json(_facts(known))
    else:
        _one(known)


def _all(schema: bool, as_json: bool) -> None:
    topics = catalog.CATALOG.values()
    if schema:
        say(json.dumps({known.name: catalog.json_schema(known) for known in topics}, indent=2))
    elif as_json:
        say_json([_facts(known) for known in topics])
    else:
        table(("topic", "what happens"), [(known.name, known.description) for known in topics])


def _unknown(topic: str) -> str:
    near = catalog.nearest(topic)
    hint = f"did you mean {near}?" if near else "`callboard events` lists those that are."
    return f"{topic[:80]!r} is no known topic (any topic may be published): {hint}"


def _facts(known: Topic) -> dict[str, Any]:
    return {
        "topic": known.name,
        "description": known.description,
        "source": known.source,
        "publishedBy": known.published_by,
        "example": dict(known.example),
        "reply": known.reply_example,
    }


def _one(known: Topic) -> None:
    say(bold(known.name))
    say(known.description)
    say(f"Published by {known.published_by}. Source: {known.source}.")
    rows = [(key, _kind(facts), facts.get("description", "")) for key, facts in _keys(known).items()]
    if rows:
        say()
        table(("data", "type", "what it holds"), rows)
    say()
    say("Example:")
    say(json.dumps({"topic": known.name, "data": dict(known.example)}, indent=2, ensure_ascii=False))
    if known.reply_example is not None:
        say("A reply:")
        say(json.dumps(known.reply_example, indent=2, ensure_ascii=False))


def _keys(known: Topic) -> dict[str, dict[str, Any]]:
    found = catalog.json_schema(known)
    reference = found.get("$ref")
    if reference:
        found = found["$defs"][reference.rpartition("/")[2]]
    properties: dict[str, dict[str, Any]] = found.get("properties", {})
    return properties


def _kind(facts: dict[str, Any]) -> str:
    """Return a key's type in a word or two."""
    if "anyOf" in facts:
        return " or ".join(dict.fromkeys(_kind(each) for each in facts["anyOf"]))
    if "$ref" in facts:
        return "object"
    if facts.get("type") == "array":
        return f"array of {_kind(facts.get('items', {}))}"
    return str(facts.get("type", "any"))
