"""What makes a placeholder dangerous where it stands: said when the hook loads.

A value is one argument, but some programs read an argument as code once more. This table names
them; a program that it does not know gets the value as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from callboard.hooks.words import Word

_SHELL = re.compile(r"-[A-Za-z]*c")
_PERL = re.compile(r"-[A-Za-z]*[eE]")
_CODE: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "csh", "tcsh", "busybox"), _SHELL),
    **dict.fromkeys(("su", "runuser", "psql", "script"), re.compile(r"-[A-Za-z]*c|--command(=.*)?")),
    **dict.fromkeys(("perl", "ruby"), _PERL),
    **dict.fromkeys(("node", "nodejs", "deno", "bun"), re.compile(r"-[ep]|--eval(=.*)?|--print(=.*)?|eval")),
    **dict.fromkeys(("php",), re.compile(r"-[rBRE]")),
    **dict.fromkeys(("lua", "osascript", "mysql", "mariadb", "expect"), re.compile(r"-[A-Za-z]*[ec]")),
    **dict.fromkeys(("pwsh", "powershell"), re.compile(r"-[cC].*|-[eE].*")),
    **dict.fromkeys(("cmd", "cmd.exe"), re.compile(r"/[cCkK]")),
}
_PYTHON = re.compile(r"(python|pypy)[\d.]*")
_REMOTE: Final = {
    "ssh",
    "rsh",
    "plink",
    "dbclient",
    "autossh",
    "sshpass",
    "mosh",
    "adb",
    "xargs",
    "parallel",
    "eval",
}
_SCRIPT_OPERAND: Final = {"awk": 0, "gawk": 0, "mawk": 0, "nawk": 0, "sed": 0, "gsed": 0, "sqlite3": 1}
_EXPRESSION_OPTIONS: Final = {"-e", "--expression", "-cmd", "--source"}
_VALUE_OPTIONS: Final = {"-F", "-v", "-e", "--expression", "-cmd", "-separator", "-init"}
_WRAPPERS: Final = {
    *("sudo", "doas", "env", "nice", "ionice", "nohup", "setsid", "timeout", "time"),
    *("exec", "command", "stdbuf", "chrt", "taskset", "flock"),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PASSED_OVER = re.compile(r"-.*|\d[\d.smhd]*|[A-Za-z_]\w*=.*", re.DOTALL)


def program(word: Word) -> str:
    """Return the name of the program that a word starts: `/usr/bin/python3` is python3."""
    return PurePosixPath(word.text).name


def risk(words: Sequence[Word]) -> str | None:
    """Return why a placeholder of this simple command is dangerous, with the way out, or None."""
    return _chosen_program(words) or next(
        (reason for at in range(len(words)) if (reason := _read_as_code(words, at))), None
    )


def _chosen_program(words: Sequence[Word]) -> str | None:
    """An event must not choose what runs, not even behind `sudo` or `env`."""
    at = 0
    while at < len(words) - 1 and (
        program(words[at]) in _WRAPPERS or (_PASSED_OVER.fullmatch(words[at].text))
    ):
        at += 1
    for word in words[: at + 1]:
        if word.filled and not _ASSIGNMENT.match(word.text):
            return f"the event would choose the program in {word.text!r}: name it, and give it the value"
    return None


def _read_as_code(words: Sequence[Word], at: int) -> str | None:
    name, rest = program(words[at]), words[at + 1 :]
    if name in _REMOTE:
        filled = next((word for word in rest if word.filled), None)
        return None if filled is None else _handed_on(name, filled)
    code = _code(name, rest)
    if code is None or not code.filled:
        return None
    return (
        f"{name} would run the value in {code.text!r} as code: use $CALLBOARD_EVENT_... inside it, "
        " or pass the value as an argument behind it"
    )


def _handed_on(name: str, word: Word) -> str:
    return f"{name} hands {word.text!r} to a shell: send the event on its standard input instead"


def _code(name: str, rest: Sequence[Word]) -> Word | None:
    """Return the word that the program `name` reads as code, if there is one."""
    if name in _SCRIPT_OPERAND:
        return _script(rest, _SCRIPT_OPERAND[name])
    option = _SHELL if _PYTHON.fullmatch(name) else _CODE.get(name)
    if option is None:
        return None
    for at, word in enumerate(rest):
        if option.fullmatch(word.text) and not word.filled:
            return rest[at + 1] if at + 1 < len(rest) else None
        if word.filled and word.text.startswith("-") and option.match(word.text):
            return word
        if option is _SHELL and _is_script_file(rest, at):
            return None  # what follows are its arguments
    return None


def _is_script_file(rest: Sequence[Word], at: int) -> bool:
    before = rest[at - 1].text if at else ""
    return not rest[at].text.startswith(("-", "+")) and before not in {"-o", "+o", "-O", "+O", "-W", "-X"}


def _script(rest: Sequence[Word], operand: int) -> Word | None:
    """Awk and sed read their first operand as code, sqlite3 its second, unless a file or option has it."""
    if any(word.text.startswith(("-f", "--file")) for word in rest):
        return None
    operands: list[Word] = []
    before = ""
    for word in rest:
        if before in _EXPRESSION_OPTIONS and word.filled:
            return word
        if before not in _VALUE_OPTIONS and not word.text.startswith("-"):
            operands.append(word)
        before = word.text
    return operands[operand] if operand < len(operands) else None
