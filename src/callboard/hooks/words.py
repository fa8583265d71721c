"""A command line cut into words the way a POSIX shell would, placeholders being opaque.

    'notify "Done {file}" | tee log' -> Line(words, needs="a pipe")

The cut is made on the template, before any value is known, so no value can move a word's end.
Unlike shlex it keeps the state of quotes at each placeholder and says what only a shell could do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from callboard.hooks.template import BadTemplate, Part, Placeholder

BARE: Final = ""
SINGLE: Final = "'"
DOUBLE: Final = '"'

_OPERATORS: Final = {
    "|": "a pipe (|)",
    "&": "an & ",
    ";": "several commands (;)",
    "<": "a redirect (<)",
    ">": "a redirect (>)",
    "(": "a subshell",
    ")": "a subshell",
    "\n": "several lines",
}
_BLANK: Final = " \t\r\n"


@dataclass
class Word:
    """One word: literal text and placeholders, each placeholder with the quotes it stands in."""

    parts: list[Part] = field(default_factory=list)
    quoted: bool = False
    tilde: bool = False

    @property
    def text(self) -> str:
        """The word as its author wrote it, without quotes."""
        return "".join(map(str, self.parts))

    @property
    def filled(self) -> bool:
        """True when an event has a say in this word."""
        return any(isinstance(part, Placeholder) for part in self.parts)

    def add(self, part: Part) -> None:
        """Append a character or a placeholder."""
        if isinstance(part, str) and self.parts and isinstance(self.parts[-1], str):
            self.parts[-1] += part
        else:
            self.parts.append(part)


@dataclass
class Line:
    """The simple commands of a text, and the first reason why it needs a shell ("" when it does not)."""

    commands: list[list[Word]]
    needs: str
    script: str
    """The same text for a shell: each placeholder is a quoted variable."""
    variables: tuple[str, ...]
    """The placeholders' names, in the order of the variables `$CALLBOARD_ARG_1` ..."""

    @property
    def words(self) -> list[Word]:
        """All words, operators left out."""
        return [word for command in self.commands for word in command]


def read(parts: Sequence[Part]) -> Line:
    """Return the words of a template; raises BadTemplate for open quotes and unsafe placeholders.

    Unsafe is where a shell would read a value as more than text: inside backticks, `$( )`,
    `${ }`, arithmetic, here-documents, and right behind a backslash or a `$`.
    """
    reader = _Reader(_stripped(parts))
    while reader.at < len(reader.items):
        reader.step()
    return reader.line()


def _stripped(parts: Sequence[Part]) -> list[Part]:
    """Take white space from both ends: the last newline of a YAML block is no second command."""
    ends = list(parts)
    if ends and isinstance(ends[0], str):
        ends[0] = ends[0].lstrip(_BLANK)
    if ends and isinstance(ends[-1], str) and not ends[-1].endswith("\\ "):
        ends[-1] = ends[-1].rstrip(_BLANK)
    return ends


class _Reader:
    """The cut in progress: one item (a character or a placeholder) at a time."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.items: list[Part] = []
        for part in parts:
            self.items.extend([part] if isinstance(part, Placeholder) else part)
        self.at = 0
        self.state = BARE
        self.inside: list[tuple[str, str]] = []  # open `$(`, backticks, `${`: (closer, quotes outside)
        self.word: Word | None = None
        self.commands: list[list[Word]] = [[]]
        self.needs = ""
        self.unsafe = ""
        self.script: list[str] = []
        self.variables: list[str] = []

    def line(self) -> Line:
        if self.state != BARE or self.inside:
            opened = self.inside[-1][0] if self.inside else self.state
            raise BadTemplate(f"The quotes of this command are open: a closing {opened} is missing.")
        self._end_word()
        commands = [command for command in self.commands if command]
        return Line(commands, self.needs, "".join(self.script), tuple(self.variables))

    def step(self) -> None:
        item = self.items[self.at]
        self.at += 1
        if isinstance(item, Placeholder):
            self._placeholder(item)
        else:
            self.script.append(item)
            _STATES[self.state](self, item)

    def _peek(self) -> Part:
        return self.items[self.at] if self.at < len(self.items) else ""

    def _take(self) -> Part:
        """Return the next item, literal, and keep it in the script."""
        item = self._peek()
        if item == "":
            raise BadTemplate("This command ends with a backslash: take it away, or quote it.")
        if isinstance(item, Placeholder):
            raise BadTemplate(
                f"{item} stands right behind a backslash: a shell would unquote it. Take that away."
            )
        self.at += 1
        self.script.append(item)
        return item

    def _placeholder(self, item: Placeholder) -> None:
        if self.at > 1 and self.items[self.at - 2] == "$" and self.state != SINGLE:
            raise BadTemplate(f"Write {item} without the $ before it: it is no shell variable.")
        if self.inside or self.unsafe:
            where = self.unsafe or _called(self.inside[-1][0])
            raise BadTemplate(f"{item} stands inside {where}, where a shell would read its value as code.")
        self.variables.append(item.name)
        self.script.append(_expansion(len(self.variables), self.state))
        self._add(item)

    def _add(self, part: Part) -> None:
        if self.word is None:
            self.word = Word()
            self.commands[-1].append(self.word)
        self.word.add(part)

    def _quote(self) -> None:
        self._add("")
        assert self.word is not None
        self.word.quoted = True

    def _end_word(self) -> None:
        if self.word is not None and self.word.text in {"[[", "let", "eval", "trap"} and not self.word.quoted:
            self.unsafe = self.unsafe or f"what {self.word.text} evaluates"
        self.word = None

    def _needs(self, reason: str) -> None:
        self.needs = self.needs or reason

    def _open(self, closer: str, reason: str) -> None:
        self._needs(reason)
        self.inside.append((closer, self.state))
        self.state = BARE

    def _closes(self, char: str) -> bool:
        if not self.inside or self.inside[-1][0] != char:
            return False
        self.state = self.inside.pop()[1]
        return True

    def _dollar(self) -> None:
        """`$` in bare or double-quoted text: a variable, a command or just a dollar."""
        after = self._peek()
        if after == "(":
            self._take()
            self._open(")", "a command in $( )")
        elif after == "{":
            self._take()
            self._open("}", "a variable (${ })")
        elif isinstance(after, str) and after and (after.isalnum() or after in "_@*#?-$!"):
            self._needs("a variable ($)")
        elif after in (SINGLE, DOUBLE) and self.state == BARE:
            self._needs("a $ before a quote")
            self.unsafe = "a text behind $' or $\""

    def bare(self, char: str) -> None:
        if self._closes(char):
            self._add(char)
        elif char in (SINGLE, DOUBLE):
            self.state = char
            self._quote()
        elif char == "\\":
            taken = self._take()
            if taken != "\n":
                self._quote()
                self._add(taken)
        elif char in " \t\r" or char in _OPERATORS:
            self._separate(char)
        else:
            self._bare_text(char)

    def _separate(self, char: str) -> None:
        self._end_word()
        if char not in _OPERATORS:
            return
        if char == "(" and self.inside:
            self.inside.append((")", BARE))
        elif char in "(<" and self._peek() == char:
            self.unsafe = self.unsafe or ("arithmetic" if char == "(" else "a here-document")
        doubled = char in "&|" and self._peek() == char
        self._needs(char * 2 if doubled else _OPERATORS[char])
        self.commands.append([])

    def _bare_text(self, char: str) -> None:
        if char == "$":
            self._dollar()
        elif char == "`":
            self._open("`", "a command in backticks")
        elif char == "#" and self.word is None:
            self._comment()
            return
        elif char in "*?[" and self._is_glob(char):
            self._needs(f"a glob ({char})")
        self._add(char)
        if char == "~" and self.word is not None and self.word.parts == ["~"] and not self.word.quoted:
            self.word.tilde = True

    def _is_glob(self, char: str) -> bool:
        """A `?` in an address is no glob, nor is the program called `[`."""
        before = str(self.word.parts[0])[:40] if self.word else ""
        if char == "?":
            return "://" not in before
        return char == "*" or bool(before) or self._peek() not in {" ", ""}

    def _comment(self) -> None:
        self._needs("a comment (#)")
        while self.at < len(self.items) and self._peek() != "\n":
            item = self.items[self.at]
            self.at += 1
            self.script.append(item if isinstance(item, str) else "")

    def single(self, char: str) -> None:
        if char == SINGLE:
            self.state = BARE
        else:
            self._add(char)

    def double(self, char: str) -> None:
        if char == DOUBLE:
            self.state = BARE
        elif char == "\\":
            after = self._take()
            if after not in {"$", "`", DOUBLE, "\\", "\n"}:
                self._add("\\")
            self._add(after if after != "\n" else "")
        else:
            if char == "$":
                self._dollar()
            elif char == "`":
                self._open("`", "a command in backticks")
            self._add(char)


_STATES: Final = {BARE: _Reader.bare, SINGLE: _Reader.single, DOUBLE: _Reader.double}


def _called(closer: str) -> str:
    return {")": "$( )", "`": "backticks", "}": "${ }"}[closer]


def _expansion(number: int, state: str) -> str:
    """Return a variable's expansion that is one text in the quotes it stands in."""
    variable = f"${{CALLBOARD_ARG_{number}}}"
    if state == DOUBLE:
        return variable
    return f'"{variable}"' if state == BARE else f"'\"{variable}\"'"
