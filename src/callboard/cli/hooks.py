"""`callboard hooks`: what hooks there are, what ran and why (not), and running it again.

What a running hub knows is asked over HTTP; `check`, `import` and `replay --diff` work on files.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from callboard.cli.outcome import FAILED, AsJson, WrongUse
from callboard.cli.output import bold, cut, facts, note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.cli.when import SINCE, moment

if TYPE_CHECKING:
    from callboard.hooks.checking import Checked

app = App(name="hooks", help="Hooks: commands that events run.", help_format="plaintext")

MOST = 1000
"""Runs shown at most."""
_WIDTH = 100
"""Characters of a command in a table, on a terminal."""

Hook = Annotated[str, Parameter(help="One hook's name, or how it begins; without it all.")]


@app.command
def check(
    file: Annotated[Path, Parameter(help="callboard.yaml, or an OctoPrint config.yaml.")],
    /,
    *,
    as_json: AsJson = False,
) -> int | None:
    """Look at a configuration file without loading it. Exits with 1 when something is wrong."""
    from callboard.cli.hookfiles import read_hooks_of

    checked = read_hooks_of(file)
    found = checked.hooks
    if as_json:
        say_json(
            {
                "ok": not found.faults,
                "hooks": [{"name": hook.name, "kind": hook.kind, "line": hook.line} for hook in found.hooks],
                **{name: list(map(str, getattr(found, name))) for name in ("faults", "hints")},
                "warnings": list(checked.warnings),
            }
        )
        return FAILED if found.faults else None
    hints = [f"{hint.file}:{hint.line}: warning: {hint.reason}" for hint in found.hints]
    for line in [*map(str, found.faults), *hints, *checked.warnings]:
        note(line)
    if found.way_out:
        note(found.way_out)
    say(f"{file}: {_summary(checked)}.")
    return FAILED if found.faults else None


@app.command(name="import")
def import_file(
    file: Annotated[Path, Parameter(help="An OctoPrint config.yaml.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write here; without it, to stdout.")] = None,
) -> None:
    """Take over the hooks of an OctoPrint configuration, comments kept; what to look at goes to stderr."""
    from callboard.cli.hookfiles import import_file as imported

    found = imported(file, out)
    if out is None:
        say(found.text.rstrip("\n"))
    for one in found.notes:
        note(f"{file}:{one.line}: {'LOOK: ' if one.danger else ''}{one.text}")
    dangers = sum(one.danger for one in found.notes)
    if dangers:
        note(f"{_many(dangers, 'place')} to look at.")


@app.command(name="list")
def list_hooks(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List the hooks that are loaded, how often each ran, and what is wrong with those left out."""
    found = _ask(reach, "GET", "/v1/hooks")
    if as_json:
        say_json(found)
        return
    rows = [
        (one["name"], one["kind"], ", ".join(one["events"]), _counted(one), f"line {one['line']}")
        for one in found["hooks"]
    ]
    table(("name", "type", "events", "runs", "where"), rows)
    for fault in found["faults"] + found["hints"]:
        note(f"{fault['file']}:{fault['line']}: {fault['reason']}")


@app.command
def runs(
    *,
    hook: Hook = "",
    state: Annotated[str, Parameter(help="One state or several, with commas: dead,refused.")] = "",
    count: Annotated[int, Parameter(name=("--count", "-n"), help="How many.")] = 20,
    output: Annotated[bool, Parameter(help="Show what each printed, too.", negative="")] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """See what ran, newest first: command, exit code, duration, or the reason why nothing ran."""
    if not 0 < count <= MOST:
        raise WrongUse(f"--count takes a whole number from 1 to {MOST}.")
    found = _ask(reach, "GET", "/v1/hooks/runs", hook=hook or None, state=state or None, limit=count)["runs"]
    if as_json:
        for one in found:
            say_json(one)
    elif output:
        for one in found:
            _show(one)
    else:
        table(("run", "when", "hook", "event", "state", "took", "command, reason"), map(_row, found))


@app.command
def explain(
    position: Annotated[str, Parameter(help="The event's position, as `callboard publish` prints it.")],
    hook: Annotated[
        str, Parameter(help="The hook's name, as `callboard hooks list` shows it, or how it begins.")
    ],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Say why a hook ran for an event, or why it did not."""
    found = _ask(reach, "GET", "/v1/hooks/explain", position=position, hook=hook)
    if as_json:
        say_json(found)
        return
    say(printable(f"{found['hook']}: {found['reason']}"))
    for one in found["runs"]:
        if one["started"]:
            _show(one)


@app.command
def replay(
    *,
    since: Annotated[str, Parameter(help=f"Events behind {SINCE}.")],
    hook: Hook = "",
    dry_run: Annotated[bool, Parameter(help="Print what would run; nothing does.", negative="")] = False,
    diff: Annotated[
        tuple[Path, Path] | None,
        Parameter(help="OLD.yaml NEW.yaml: what the new one would change.", negative=""),
    ] = None,
    data: Annotated[Path | None, Parameter(help="With --diff, where no hub runs: the data folder.")] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Run hooks again for events of the past, or print what would run, or what another file would change."""
    since = moment(since)
    if diff is not None:
        _diff(diff, since, data, as_json, reach)
        return
    counts: Counter[str] = Counter()
    for page in _pages(reach, {"since": since, "hook": hook, "dry_run": dry_run}):
        counts["queued"] += page["queued"]
        for one in page["planned"]:
            counts[one["state"]] += one["state"] != "queued"
            _show_planned(one, as_json)
    if as_json and not dry_run:
        say_json({"queued": counts["queued"]})
    elif not as_json:
        would = "would run" if dry_run else "runs are queued; `callboard hooks runs` shows them"
        rest = "".join(f", {many} {state}" for state, many in counts.items() if many and state != "queued")
        note(f"{counts['queued']} {would}{rest}.")


@app.command
def redrive(
    *run: Annotated[int, Parameter(help="Runs to try again, as `callboard hooks runs` numbers them.")],
    hook: Hook = "",
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Try dead letters again: those given, those of one hook, or all."""
    if run and hook:
        raise WrongUse("Give the runs or --hook, not both.")
    asked = {"hook": hook, **({"runs": list(run)} if run else {})}
    answer = _ask(reach, "POST", "/v1/hooks/redrive", asked)
    if as_json:
        say_json(answer)
    else:
        note(f"{_many(answer['queued'], 'run')} queued again.")


@app.command
def reload(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Have the hub read its configuration file again; with a fault in it nothing changes."""
    found = _ask(reach, "POST", "/v1/hooks/reload")
    if as_json:
        say_json(found)
    else:
        note(f"{_many(len(found['hooks']), 'hook')} of {found['file']} loaded.")


def _summary(checked: Checked) -> str:
    """Return how many hooks of a file can be used, and how many are off or wrong."""
    found = checked.hooks
    off = sum(not hook.enabled for hook in found.hooks)
    parts = [f"{_many(len(found.hooks), 'hook')} can be used"]
    parts += [f"{off} of them {'is' if off == 1 else 'are'} off"] if off else []
    parts += [_many(len(found.faults), "fault")] if found.faults else []
    warnings = len(found.hints) + len(checked.warnings)
    parts += [_many(warnings, "warning")] if warnings else []
    return ", ".join(parts) + ("" if checked.enabled else "; events.enabled turns them off")


def _ask(reach: Reach | None, method: str, path: str, body: Any = None, **query: Any) -> Any:
    return talk(reach, lambda http: http.ask(method, path, body, **query))


def _pages(reach: Reach | None, asked: dict[str, Any]) -> Iterator[Any]:
    """Yield the pages of a replay."""
    while True:
        page = _ask(reach, "POST", "/v1/hooks/replay", asked)
        yield page
        if page["next"] is None:
            return
        asked = {**asked, "since": page["next"], "until": page["until"]}


def _diff(
    files: tuple[Path, Path], since: str, data: Path | None, as_json: bool, reach: Reach | None
) -> None:
    from callboard.cli.hookfiles import differences

    count = 0
    for one in differences(files, since, data, reach or Reach()):
        count += 1
        if as_json:
            say_json(
                {
                    "position": one.position,
                    "topic": one.topic,
                    "hook": one.hook,
                    "before": one.before,
                    "after": one.after,
                }
            )
            continue
        say(bold(printable(f"{one.position}  {one.topic}  {one.hook}")))
        for sign, text in (("-", one.before), ("+", one.after)):
            if text:
                say(f"  {sign} {printable(text)}")
    if not as_json:
        note(f"{_many(count, 'difference')}.")


def _show_planned(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(one)
    elif one["state"] == "queued":
        command = one["command"].replace("\n", "\n    ")  # indented: no value can look like another run
        say(printable(f"{one['position']}  {one['hook']}  {command}", lines=True))
    else:
        note(printable(f"{one['position']}  {one['hook']}  {one['state']}: {one['reason']}"))


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    said = " - ".join(text for text in (_on_one_line(run["command"]), run["reason"]) if text)
    shown = cut(said, _WIDTH) if sys.stdout.isatty() else said
    return (
        *(str(run["id"]), _clock(run["queued"]), run["hook"], run["topic"]),
        *(_ended(run), _took(run), shown),
    )


def _ended(run: dict[str, Any]) -> str:
    """Return what came of a run, with the exit code or the other side's answer where it tells something."""
    if not run["exit"]:
        return str(run["state"])
    return f"{run['state']}, {'answer' if run['kind'] == 'webhook' else 'exit'} {run['exit']}"


def _on_one_line(command: str) -> str:
    """Return a command of several lines, as those with a shell are, on one."""
    return "  ".join(command.splitlines())


def _show(run: dict[str, Any]) -> None:
    """Print one run with all that is known of it."""
    say()
    known = {
        "run": run["id"],
        "hook": run["hook"],
        "event": f"{run['topic']} at {run['position']}",
        "state": run["state"],
        "reason": run["reason"],
        "command": _on_one_line(run["command"]),
        "exit": run["exit"] if run["exit"] is not None else "",
        "took": _took(run),
        "attempt": run["attempt"] if run["attempt"] > 1 else "",
        "replay": run["origin"],
    }
    facts({name: value for name, value in known.items() if value != ""})
    for line in run["output"].splitlines():
        say(f"  | {printable(line)}")


def _took(run: dict[str, Any]) -> str:
    if run["started"] is None or run["ended"] is None:
        return ""
    seconds = _time(run["ended"]) - _time(run["started"])
    return f"{seconds.total_seconds():.2f} s"


def _clock(text: str) -> str:
    return f"{_time(text).astimezone():%Y-%m-%d %H:%M:%S}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _counted(hook: dict[str, Any]) -> str:
    if not hook["enabled"]:
        return "off"
    return ", ".join(f"{many} {state}" for state, many in sorted(hook["counts"].items())) or "none"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
