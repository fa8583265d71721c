"""What is selected on a command line: entities by type and id, or by their place in the production."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callboard.cli.outcome import WrongUse
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

HELP = "TYPE:ID, or a path in the production, as opera/sh010/comp; may be repeated."


async def selected(http: Http, texts: Sequence[str]) -> list[dict[str, str]]:
    """Return a selection as handlers know it; raises WrongUse, or CallboardError for a path to nothing."""
    return [_entity(text) if ":" in text else await at(http, text) for text in texts]


def _entity(text: str) -> dict[str, str]:
    """Return the entity that TYPE:ID names, its type as handlers know it."""
    from callboard.studio.launch import TYPED_CONTEXTS, plain_type

    kind, _, id_ = text.partition(":")
    if not kind or not id_:
        raise WrongUse(f"{text[:60]!r} is no entity: write TYPE:ID, as task:eb16970c-5fc6-11e2.")
    plain = plain_type(kind)
    return {"entityId": id_, "entityType": "task" if plain in TYPED_CONTEXTS else plain}


async def at(http: Http, text: str) -> dict[str, str]:
    """Return the project, or what is in it, at a path of names."""
    from callboard.cli.production import Production, select
    from callboard.studio.production import quoted

    names = text.strip("/").split("/")
    if not all(names):
        raise WrongUse(f"{text[:60]!r} is no entity: write TYPE:ID, or a path of names, as opera/sh010/comp.")
    production = Production(http)
    await production.check()
    rows = await production.query(select("link", "Context", f"name is {quoted(names[-1])}"))
    found = [row for row in rows if [each["name"] for each in row["link"]] == names]
    if len(found) != 1:
        few = "has nothing" if not found else f"has {len(found)} entities"
        raise CallboardError(f"The production {few} at {text[:200]!r}: `callboard tracker tree` shows it.")
    return {"entityId": found[0]["id"], "entityType": "show" if len(names) == 1 else "task"}
