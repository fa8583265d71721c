"""The production as a tree, for `callboard tracker tree`."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callboard.cli.output import printable, say
from callboard.cli.production import Entity, Production, select
from callboard.studio.production import quoted

if TYPE_CHECKING:
    from rich.tree import Tree

    from callboard.client.http import Http

_ASKED = (
    "name, parent_id, sort, status.name, status.color, type.name, object_type.name, "
    "assignments.resource.username"
)
_NUMBERS = re.compile(r"(\d+)")


@dataclass(slots=True)
class Branch:
    """One entity, and what is below it."""

    id: str
    kind: str
    name: str
    status: str = ""
    color: str = ""
    type: str = ""
    assignees: tuple[str, ...] = ()
    sort: float = 0.0
    below: list[Branch] = field(default_factory=list)

    @property
    def order(self) -> tuple[Any, ...]:
        """Where it stands among its siblings: as sorted by hand, then by name, numbers as numbers."""
        parts = _NUMBERS.split(self.name.lower())
        return self.sort, [(int(part), "") if part.isdigit() else (-1, part) for part in parts], self.kind

    def shown(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "status": self.status or None,
            "type": self.type or None,
            "assignees": list(self.assignees),
            "children": [each.shown() for each in self.below],
        }


async def read(http: Http, project: str, depth: int | None) -> list[Branch]:
    """Return one project, or all, with what is in them down to a depth."""
    production = Production(http)
    await production.check()
    where = f"name is {quoted(project)}" if project else ""
    named = await production.query(select("name, status", "Project", where))
    found = [Branch(each["id"], "Project", each["name"], status=each["status"] or "") for each in named]
    for top in found if depth is None or depth > 0 else ():
        entities = await production.query(select(_ASKED, "TypedContext", f"project_id is {top.id}"))
        _grow(top, entities, depth)
    return sorted(found, key=lambda branch: branch.order)


def _grow(top: Branch, entities: list[Entity], depth: int | None) -> None:
    children: dict[str, list[Branch]] = defaultdict(list)
    for entity in entities:
        children[entity["parent_id"]].append(_branch(entity))
    level, left = [top], depth
    while level and (left is None or left > 0):
        for each in level:
            each.below = sorted(children.get(each.id, ()), key=lambda branch: branch.order)
        level = [below for each in level for below in each.below]
        left = None if left is None else left - 1


def _branch(entity: Entity) -> Branch:
    status, kind = entity.get("status") or {}, entity.get("type") or {}
    people = [(each.get("resource") or {}).get("username") for each in entity["assignments"]]
    return Branch(
        id=entity["id"],
        kind=entity["__entity_type__"],
        name=entity["name"],
        status=status.get("name") or "",
        color=status.get("color") or "",
        type=kind.get("name") or "",
        assignees=tuple(sorted(each for each in people if each)),
        sort=entity["sort"] or 0.0,
    )


def draw(top: Branch) -> None:
    """Print a tree: with lines and colours in a terminal, else one entity a line, indented by two blanks."""
    if not sys.stdout.isatty():
        for depth, each in _walk(top):
            say(printable("  " * depth + "  ".join(_words(each))))
        return
    from rich.console import Console
    from rich.tree import Tree

    grown = Tree(_styled(top))
    _fill(grown, top)
    Console(highlight=False).print(grown)


def _walk(top: Branch) -> list[tuple[int, Branch]]:
    found: list[tuple[int, Branch]] = []
    left = [(0, top)]
    while left:
        depth, each = left.pop()
        found.append((depth, each))
        left += [(depth + 1, below) for below in reversed(each.below)]
    return found


def _words(branch: Branch) -> list[str]:
    kind = branch.kind if branch.type in ("", "Generic") else f"{branch.kind}: {branch.type}"
    return [
        branch.name,
        f"({kind})",
        *filter(None, [branch.status]),
        *(f"@{each}" for each in branch.assignees),
    ]


def _styled(branch: Branch) -> str:
    from rich.markup import escape

    name, kind, *_ = (escape(printable(each)) for each in _words(branch))
    color = branch.color if re.fullmatch(r"#[0-9a-fA-F]{6}", branch.color) else "default"
    people = " ".join(f"@{escape(printable(each))}" for each in branch.assignees)
    status = f"[{color}]{escape(printable(branch.status))}[/]" if branch.status else ""
    return "  ".join(
        filter(None, [f"[bold]{name}[/]", f"[dim]{kind}[/]", status, f"[cyan]{people}[/]" if people else ""])
    )


def _fill(tree: Tree, branch: Branch) -> None:
    left = [(tree, branch)]
    while left:
        above, each = left.pop()
        left += [(above.add(_styled(below)), below) for below in each.below]
