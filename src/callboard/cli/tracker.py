"""`callboard tracker`: the production by hand: import a shot list, show it as a tree, ask it anything."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from callboard.cli.outcome import FAILED, AsJson, told
from callboard.cli.output import note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.cli.versions import fetch, publish
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.cli.plan import Plan
    from callboard.cli.shotlist import ShotList
    from callboard.client.http import Http

MOST_OPERATIONS = 50_000
"""Of one import: all of it is one commit, and its answer must come in time."""

app = App(
    name="tracker",
    help="The production: import a shot list, show the tree, query, publish versions, fetch files.",
    help_format="plaintext",
)

app.command(publish)
app.command(fetch)


@app.command(name="import")
def import_file(
    file: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="A shot list, CSV or JSON; `-` is standard input.")
    ],
    /,
    *,
    project: Annotated[str, Parameter(help="The project of rows that name none.")] = "",
    dry_run: Annotated[
        bool, Parameter(negative="", help="Show what would happen, and write nothing.")
    ] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Import a shot list: what is new is created, what differs is updated, all of it or nothing."""
    from callboard.cli.shotlist import read

    name = "standard input" if file == "-" else file
    listed = read(name, _bytes(file))
    made = talk(reach, lambda http: _import(http, name, listed, project, dry_run))
    _report(made, dry_run, as_json)


@app.command
def tree(
    project: Annotated[str, Parameter(help="One project; without it all of them.")] = "",
    /,
    *,
    depth: Annotated[int | None, Parameter(help="How many levels below a project; all without it.")] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Show the production as a tree: types, statuses, who is on it."""
    from callboard.cli import branches

    found = talk(reach, lambda http: branches.read(http, project, depth))
    if project and not found:
        raise CallboardError(f"There is no project {project[:80]!r}: `callboard tracker tree` shows all.")
    if not found:
        note("There are no projects: `callboard tracker import FILE` takes a shot list.")
        return None
    for each in found:
        say_json(each.shown()) if as_json else branches.draw(each)
    return None


@app.command
def query(
    expression: Annotated[str, Parameter(help='Like: "select name, status.name from Task where bid > 2".')],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Ask the tracker in the clients' own language; ends with 1 if nothing is found."""
    from callboard.cli import answers

    found = talk(reach, lambda http: answers.ask(http, expression))
    if as_json:
        for each in found:
            say_json(answers.plain(each))
    elif found:
        table(*answers.rows(found))
    return None if found else FAILED


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CallboardError(f"{file} can't be read: {told(error)}.") from None


async def _import(http: Http, name: str, listed: ShotList, project: str, dry_run: bool) -> Plan:
    """Compare, and write unless it is a dry run; raises BadList with every fault."""
    from callboard.cli.plan import Planner, nodes, projects
    from callboard.cli.production import Production, known
    from callboard.cli.shotlist import BadList, Faults

    production, faults = Production(http), Faults(name)
    await production.check()
    with _bar(len(listed.rows)) as show:
        given = nodes(listed, project, faults)
        show("reading what there is")
        there = await known(production, projects(given), bool(listed.others))
        show("comparing")
        made = await asyncio.to_thread(Planner(there, faults).plan, given)
        faults.check()
        if len(made.operations) > MOST_OPERATIONS:
            raise BadList(
                f"{name} makes {len(made.operations)} changes, more than {MOST_OPERATIONS}: split it."
            )
        if made.operations and not dry_run:
            show(f"writing {len(made.changes)} entities")
            await production.write(made.operations)
    return made


@contextlib.contextmanager
def _bar(rows: int) -> Iterator[Any]:
    """Give a function that shows what is done now; a short list is done before one could read it."""
    if rows < 200 or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda what: progress.update(task, description=what)


def _report(made: Plan, dry_run: bool, as_json: bool) -> None:
    counts = {
        "created": made.count("created"),
        "updated": made.count("updated"),
        "unchanged": made.unchanged,
    }
    if as_json:
        changes = [
            {
                "action": each.action,
                "type": each.kind,
                "path": each.path,
                "values": {name: {"old": old, "new": new} for name, (old, new) in each.values.items()},
            }
            for each in made.changes
        ]
        say_json({**counts, "dry_run": dry_run, "changes": changes})
        return
    for each in made.changes if dry_run else ():
        values = "; ".join(
            f"{name}: {old} -> {new}" if old else f"{name}: {new}" for name, (old, new) in each.values.items()
        )
        say(printable(f"{each.action}  {each.kind:10}  {each.path}  {values}".rstrip()))
    say(", ".join(f"{count} {what}" for what, count in counts.items()))
    if dry_run:
        note("Nothing was written: this was a dry run.")
