"""Values that have broken print hosts, shells and parsers, and more made from them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

TABLE = [
    "",
    " ",
    "a b.gcode",
    "it's.gcode",
    'say "hi".gcode',
    "a`touch pwned`b.gcode",
    "$(touch pwned)",
    "$(touch${IFS}pwned)",
    "${IFS}touch",
    "$HOME",
    "$1$@$*$#$?$$",
    "x;touch pwned;#.gcode",
    "x|touch pwned",
    "x||touch pwned",
    "x&&touch pwned",
    "x&touch pwned&",
    "x\ntouch pwned\n",
    "x\r\ntouch pwned",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "\"'`$(touch pwned)`'\"",
    "\\",
    "\\\\",
    '\\"',
    "\\'; touch pwned #",
    "-rf",
    "--help",
    "-o ProxyCommand=touch pwned",
    "--",
    "-",
    "*",
    "?",
    "[a-z]",
    "~",
    "~root",
    "{x.__class__}",
    "{0.__init__.__globals__}",
    "{file}",
    "{{file}}",
    "%s%n%x",
    ">pwned",
    "<pwned",
    ">>pwned",
    "2>&1",
    "<(touch pwned)",
    "a[$(touch pwned)]",
    "!!",
    "!touch",
    "#comment",
    "=x",
    "A=B",
    "\t\v\f",
    "\x1b[31mred\x1b[0m",
    "\x7f\x01\x02",
    "\u2028line\u2029",
    "\u202egnp.exe",
    "ümläut.gcode",
    "日本語.gcode",
    "\U0001f4a9",
    "\ufeffbom",
    "M112",
    "x\nM112\n",
    "x;M112",
    "x*57",
    "N1 M112*35",
    "(comment) M112",
    "1e309",
    "NaN",
    "None",
    "../../../etc/passwd",
    "/dev/stdin",
    "a\0b",
    "\ud800",
    "\udcff\udcfe",
    "x" * 4096,
    "y" * 1_000_000,
]


def values(count: int, seed: int = 1) -> Iterator[str]:
    """Yield the table, then `count` values put together from its pieces, always the same ones."""
    yield from TABLE
    chance = random.Random(seed)
    short = [piece for piece in TABLE if len(piece) < 100]
    marks = [*"'\"`$();|&<>\\\n\r\t *?[]{}#~!-=%@", "touch pwned", "$(touch pwned)", "`touch pwned`"]
    for _ in itertools.repeat(None, count):
        yield "".join(chance.choice(chance.choice((short, marks))) for _ in range(chance.randint(1, 6)))
