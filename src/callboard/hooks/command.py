"""Commands of `system` hooks: read and judged when the hook loads, filled when an event comes.

    'growl -d "Done {file}"' -> Argv(words)   -> Invocation(("growl", "-d", "Done a b.gcode"), {})
    the same, shell: true    -> Script(text)  -> Invocation(("/bin/sh", "-c", text), {"CALLBOARD_ARG_1": ...})

No value ever becomes part of a text that a shell reads. Source: facts/print-host-facts.md 2.4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.hooks.risk import risk
from callboard.hooks.template import BadTemplate, Part, Placeholder, Refused, Values, parse, placeholders
from callboard.hooks.words import Word, read

MAX_ARGUMENT: Final = 128 * 1024 - 1
"""Bytes that Linux takes in one argument (MAX_ARG_STRLEN less its end)."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BUILTINS: Final = {
    *("cd", "export", "source", ".", ":", "if", "for", "while", "case", "until", "set", "unset", "alias"),
    *("exec", "exit", "return", "read", "ulimit", "umask", "wait", "eval", "trap", "let", "[["),
}
_SPELLED_NUMBER = re.compile(r"-\d+(\.\d+)?")


class Invocation(Struct, frozen=True):
    """What is started: the arguments, and variables beside the event's."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    shown: str
    """The command for people: what runs would say."""


class Argument(Struct, frozen=True):
    """One argument of a command; `guarded` when a value in front may begin with a dash."""

    parts: tuple[Part, ...]
    guarded: bool


class Argv(Struct, frozen=True):
    """A command without a shell."""

    source: str
    arguments: tuple[Argument, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders, in order."""
        return tuple(name for argument in self.arguments for name in placeholders(argument.parts))

    def fill(self, values: Values) -> Invocation:
        """Return the command for one event; raises Refused."""
        argv = tuple(_argument(argument, values) for argument in self.arguments)
        return Invocation(argv, {}, _shown(argv))


class Script(Struct, frozen=True):
    """A command for /bin/sh: values come in variables, each quoted where it stands."""

    source: str
    text: str
    names: tuple[str, ...]
    arguments: tuple[Argument, ...]

    def fill(self, values: Values) -> Invocation:
        """Return the command for one event; raises Refused."""
        for argument in self.arguments:
            _argument(argument, values)
        variables = {f"CALLBOARD_ARG_{at}": _variable(name, values) for at, name in enumerate(self.names, 1)}
        shown = self.text + "".join(f"\n# ${name}={value!r}" for name, value in variables.items())
        return Invocation(("/bin/sh", "-c", self.text), variables, shown)


Command = Argv | Script


def without_shell(text: str) -> Argv:
    """Return the command in `text`, cut into arguments; raises BadTemplate when only a shell could run it."""
    line = read(parse(text))
    words = line.words
    if not words:
        raise BadTemplate("This command is empty: write the program to run.")
    needs = line.needs or _needs_shell(words[0])
    if needs:
        raise BadTemplate(
            f"{text[:200]!r} needs a shell for {needs.strip()}: "
            "add `shell: true`, or quote it, or put it into a script.",
            f"needs a shell for {needs.strip()}",
        )
    _judge(words)
    return Argv(text, _arguments([_expanded(word) for word in words]))


def of_arguments(items: Sequence[str]) -> Argv:
    """Return the command whose arguments are `items`, each one a template; nothing is cut."""
    words = [_expanded(Word(list(parse(item)), tilde=item.startswith("~"))) for item in items]
    if not words or not words[0].parts:
        raise BadTemplate("This argv is empty: write the program to run.")
    _judge(words)
    return Argv(_shown(items), _arguments(words))


def for_shell(text: str) -> Script:
    """Return the command in `text` for /bin/sh; raises BadTemplate where a value could become code."""
    line = read(parse(text))
    if not line.commands:
        raise BadTemplate("This command is empty: write what the shell shall run.")
    for command in line.commands:
        _judge(command)
    arguments = tuple(argument for command in line.commands for argument in _arguments(command))
    return Script(
        text, line.script, line.variables, tuple(arg for arg in arguments if placeholders(arg.parts))
    )


def _needs_shell(first: Word) -> str:
    if first.quoted:
        return ""
    if _ASSIGNMENT.match(first.text):
        return "a variable set before the command (or write: env NAME=value command)"
    return f"{first.text}, which is part of the shell" if first.text in _BUILTINS else ""


def _judge(words: Sequence[Word]) -> None:
    if reason := risk(words):
        raise BadTemplate(f"A placeholder is in danger: {reason}.", "a placeholder is in danger")


def _expanded(word: Word) -> Word:
    """Return the word with a leading `~` replaced by the home folder, as a shell would."""
    if word.tilde and isinstance(first := word.parts[0], str):
        folder, slash, rest = first.partition("/")
        if slash or len(word.parts) == 1:
            return Word([home(folder) + slash + rest, *word.parts[1:]], word.quoted)
    return word


def home(path: str) -> str:
    """Return a path with its leading `~` replaced, as it is when there is no such user."""
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        return path


def _arguments(words: Sequence[Word]) -> tuple[Argument, ...]:
    """Mark the arguments that a value begins, unless they stand after `--` or behind an option."""
    arguments: list[Argument] = []
    free, before = False, ""
    for word in words:
        parts = tuple(part for part in word.parts if part != "")
        begun = bool(parts) and isinstance(parts[0], Placeholder)
        behind_option = before.startswith("-") and before not in {"-", "--"}
        arguments.append(Argument(parts, begun and not free and not behind_option))
        free = free or word.text == "--"
        before = word.text
    return tuple(arguments)


def _argument(argument: Argument, values: Values) -> str:
    text = values.fill(argument.parts)
    if argument.guarded and text.startswith("-") and not _own_number(argument, text):
        raise Refused(
            f"The value {text[:80]!r} begins with a dash and would be read as an option: "
            "put -- before it, or give it behind an option of its own."
        )
    return _holdable(text, "".join(map(str, argument.parts)))


def _own_number(argument: Argument, text: str) -> bool:
    """`{__currentZ}` is -1 when unknown: a height of ours, never an outsider's option."""
    return placeholders(argument.parts) == ("__currentZ",) and bool(_SPELLED_NUMBER.fullmatch(text))


def _variable(name: str, values: Values) -> str:
    return _holdable(values.text(name), f"{{{name}}}")


def _holdable(text: str, name: str) -> str:
    """Return `text` when an argument can hold it; else raise Refused, with where it is to be had."""
    if "\0" in text:
        raise Refused(
            f"The value of {name} has a NUL, which no argument can hold: read it from standard input."
        )
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError:
        raise Refused(
            f"The value of {name} is no text that can be written: read it from standard input."
        ) from None
    if size + len("CALLBOARD_ARG_000=") > MAX_ARGUMENT:
        raise Refused(
            f"The value of {name} has {size} bytes, too much for an argument: read it from standard input."
        )
    return text


def _shown(argv: Sequence[str]) -> str:
    """The command as one could type it."""
    import shlex

    return shlex.join(argv)
