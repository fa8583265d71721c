"""An OctoPrint configuration taken over: its hooks in our form, comments kept, each danger named.

    text -> ruamel (round trip) -> one subscription at a time: _entry -> text, notes

A shell line becomes a command without a shell where that does the same; else it says `shell: true`;
where neither is safe it stays as it is, with the reasons in it. A hook without a name gets one: what it
was made to do can be changed, and its runs are still its own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, MutableMapping
from itertools import chain, count
from pathlib import PurePosixPath
from typing import Any, Final

from msgspec import Struct
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from callboard.config.editing import as_written
from callboard.errors import BadConfig
from callboard.hooks.command import for_shell, without_shell
from callboard.hooks.reading import read_hooks
from callboard.hooks.template import BadTemplate, parse, placeholders
from callboard.hooks.words import DOUBLE, read

_KEPT_ANYWAY: Final = re.compile(r"\s*(?:[12]?>>?\s*/dev/null|&>\s*/dev/null|2>&1)\s*$")
_BACKGROUND: Final = re.compile(r"(?<!&)&\s*$")
_FOLDER: Final = re.compile(r"cd\s+([\w./~-]+)\s*&&\s*")
_VARIABLES: Final = re.compile(r"[A-Za-z_]\w*=")
_PASSED_OVER: Final = {
    *("python", "python2", "python3", "perl", "ruby", "node", "sh", "bash", "env", "sudo", "nohup", "nice"),
    *("exec", "cd", "if", "[", "test", "then", "timeout"),
}
"""Words that say nothing of what a command does."""


class Note(Struct, frozen=True):
    """What was changed or must be looked at; `line` is that of the original file."""

    line: int
    text: str
    danger: bool = False


class Imported(Struct, frozen=True):
    """The new file's text, and what to know about it."""

    text: str
    notes: tuple[Note, ...]


class _Entry(Struct, frozen=True):
    value: Any
    line: int


def import_config(text: str) -> Imported:
    """Return the `events` of an OctoPrint configuration as a callboard.yaml; raises BadConfig for no YAML."""
    yaml = as_written(text)
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise BadConfig(f"This is no YAML: {' '.join(str(error).split())[:300]}.") from None
    events = document.get("events") if isinstance(document, CommentedMap) else None
    if not isinstance(events, CommentedMap):
        raise BadConfig("There is no `events` section in this file: nothing to take over.")
    for key in [key for key in document if key != "events"]:
        del document[key]
    notes = _taken_over(events)
    out = io.StringIO()
    yaml.dump(document, out)
    return Imported(out.getvalue(), tuple(notes))


def _taken_over(events: CommentedMap) -> list[Note]:
    subscriptions = events.get("subscriptions")
    if not isinstance(subscriptions, CommentedSeq):
        return []
    notes: list[Note] = []
    lines = [
        subscriptions.lc.item(at)[0] + 1 if isinstance(entry, CommentedMap) else 1
        for at, entry in enumerate(subscriptions)
    ]
    names = {str(entry.get("name")) for entry in subscriptions if isinstance(entry, CommentedMap)}
    for at, (entry, line) in enumerate(zip(subscriptions, lines, strict=True)):
        if isinstance(entry, CommentedMap):
            _name(entry, names)
        found = _entry(entry, line)
        if looks := [f"LOOK: {' '.join(note.text.split())}" for note in found if note.danger]:
            _look(subscriptions, at, entry, "\n".join(looks))
        notes += found
    return notes


def _name(entry: CommentedMap, taken: set[str]) -> None:
    """Name a hook that has no name after its event and what it starts, behind its first key."""
    events = entry.get("event")
    event = events[0] if isinstance(events, CommentedSeq) and events else events
    if entry.get("name") is not None or not isinstance(event, str) or len(entry) < 2:
        return
    first = " ".join(f"{event} {_program(entry)}".split())[:100]
    name = next(name for name in chain([first], (f"{first} {n}" for n in count(2))) if name not in taken)
    taken.add(name)
    entry.insert(1, "name", name)


def _program(entry: CommentedMap) -> str:
    """Return the name of the program that a hook starts, else its type."""
    command = entry.get("command")
    text = command[0] if isinstance(command, CommentedSeq) and command else command
    if entry.get("type") != "system" or not isinstance(text, str):
        return str(entry.get("type") or "")
    words = (word for word in _FOLDER.sub("", text.strip()).split() if not _VARIABLES.match(word))
    for word in words:
        name = PurePosixPath(word.strip("\"'(){}`$;&|")).name
        if name.isascii() and name not in _PASSED_OVER and not name.startswith("-") and name:
            return name.partition(".")[0] or name
    return "system"


def _look(subscriptions: CommentedSeq, at: int, entry: Any, text: str) -> None:
    """Write a comment into a hook, below its first key: above it, it would look like the one before's."""
    if isinstance(entry, CommentedMap) and len(entry) > 1:
        indent = subscriptions.lc.item(at)[1]
        entry.yaml_set_comment_before_after_key(list(entry)[1], before=text, indent=indent)
    else:
        subscriptions.yaml_set_comment_before_after_key(at, before=text)


def _entry(entry: Any, line: int) -> list[Note]:
    """Bring one subscription into our form, and tell what was done and what is wrong."""
    notes: list[Note] = []
    system = isinstance(entry, CommentedMap) and entry.get("type") == "system"
    open_before = _open_to_injection(entry) if system else []
    if system:
        notes = [Note(line, text) for text in _system(entry)]
    read_back = read_hooks([_Entry(_plain(entry), line)])
    outcome = "it is not mended yet, see LOOK" if read_back.faults else "mended: here a value is text"
    notes = [Note(line, f"{text}; {outcome}") for text in open_before] + notes
    notes += [Note(line, fault.reason, danger=True) for fault in read_back.faults]
    return notes + [Note(line, hint.reason, danger=True) for hint in read_back.hints]


def _system(entry: CommentedMap) -> list[str]:
    """Rewrite a command that OctoPrint gave to a shell; returns what was done."""
    if entry.get("shell") is False or "command" not in entry:
        return []
    listed = _commands(entry)
    folder, rest, said = _simplified(listed)
    if _all(without_shell, rest):
        entry.pop("shell", None)
        if folder:
            entry["cwd"] = folder
        if rest != listed:
            entry["command"] = rest[0] if len(rest) == 1 else CommentedSeq(rest)
        return said
    if _all(for_shell, listed):
        entry["shell"] = True
        return ["needs a shell (pipes, variables ...): placeholders come as quoted variables"]
    return []


def _commands(entry: CommentedMap) -> list[str]:
    commands = entry["command"]
    return [str(one) for one in commands] if isinstance(commands, CommentedSeq) else [str(commands)]


def _open_to_injection(entry: CommentedMap) -> list[str]:
    """Name what OctoPrint's shell would have run of a value, for each command."""
    if entry.get("shell") is False or "command" not in entry:
        return []
    return [said for text in _commands(entry) if (said := _quoted(text))]


def _all(read_command: Callable[[str], object], texts: list[str]) -> bool:
    try:
        for text in texts:
            read_command(text)
    except BadTemplate:
        return False
    return True


def _simplified(commands: list[str]) -> tuple[str, list[str], list[str]]:
    """Return a folder, commands and notes: what a shell was needed for, said in our keys."""
    said: list[str] = []
    folder = ""
    if len(commands) == 1 and (found := _FOLDER.match(commands[0])):
        folder, commands = found[1], [commands[0][found.end() :]]
        said.append(f"`cd {folder} &&` became `cwd`")
    simple = [part for text in commands for part in _parts(text, said)]
    return folder, simple, said


def _parts(text: str, said: list[str]) -> list[str]:
    stripped = _BACKGROUND.sub("", text.strip()).strip()
    if stripped != text.strip():
        said.append("`&` at the end was left out: hooks never hold anything up")
    while (shorter := _KEPT_ANYWAY.sub("", stripped)) != stripped:
        stripped = shorter
        said.append("the redirect to /dev/null was left out: runs keep the output")
    parts = [part.strip() for part in stripped.split("&&")]
    if len(parts) > 1 and all(map(_reads, parts)):
        said.append("`&&` became a list of commands: the first that fails ends the run")
    else:
        parts = [stripped]
    return [f"env {part}" if _VARIABLES.match(part) else part for part in parts]


def _reads(text: str) -> bool:
    try:
        return bool(read(parse(text)).commands)
    except BadTemplate:
        return False


def _quoted(text: str) -> str:
    """Name a placeholder inside double quotes, where shell code in its value is run."""
    try:
        parts = parse(text)
        line = read(parts)
    except BadTemplate:
        return ""
    names = sorted({f"{{{name}}}" for name in placeholders(parts)})
    quoted = any(word.quoted and word.filled for word in line.words) and DOUBLE in text
    if not quoted:
        return ""
    told = ", ".join(names)
    return f"{told} stood in double quotes, where OctoPrint's shell runs backticks in a file's name"


def _plain(value: Any) -> Any:
    if isinstance(value, MutableMapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
