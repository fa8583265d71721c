"""Faults as text: `corrupt=0.01`, `at line 120: reset`, `on M109 2: silent 10`.

    NAME=VALUE                a rate (share of lines, 0 to 1) or a habit; NAME-out is what the printer says
    at line N: TROUBLE        when the line with this number comes for the first time
    at SECONDSs: TROUBLE      so long after the printer was opened for the first time
    on COMMAND [N]: TROUBLE   on the first (or Nth) such command; `on each COMMAND: ...` on all

TROUBLE is a word of `!!DEBUG:`, with its argument. A script has one of these a line; `#` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import structs

from callboard.errors import CallboardError
from callboard.printing.virtual.mishaps import TROUBLES
from callboard.printing.virtual.settings import Doubled, Faults, Noise, Planned, ResendOk

_MOST = 10_000
_LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r", "lfcr": "\n\r"}
_AT_LINE = re.compile(r"at line (-?\d{1,9})")
_AT_TIME = re.compile(r"at (\d{1,9}(?:\.\d{1,6})?) ?s")
_ON = re.compile(r"on (each )?([GMT]\d{1,4})(?: (\d{1,6}))?")


class BadFault(CallboardError):
    """This is no fault: write NAME=VALUE, or `at line N: TROUBLE`."""


def faults(texts: Iterable[str]) -> Faults:
    """Return the faults that texts name, one each; a text may be empty, or a comment. Raises BadFault."""
    found = Faults()
    planned: list[Planned] = []
    for text in texts:
        said = text.partition("#")[0].strip()
        if not said:
            continue
        when, colon, trouble = said.partition(":")
        if colon:
            planned.append(_planned(when.strip(), trouble.strip()))
        else:
            found = _changed(found, said)
        if len(planned) > _MOST:
            raise BadFault(f"There are more than {_MOST} planned troubles: make it fewer.")
    return structs.replace(found, planned=tuple(planned))


def _planned(when: str, trouble: str) -> Planned:
    word = trouble.partition(" ")[0].replace("-", "_")
    if word not in TROUBLES:
        raise BadFault(f"There is no trouble {word[:40]!r}: choose one of {', '.join(sorted(TROUBLES))}.")
    if found := _AT_LINE.fullmatch(when):
        return Planned(trouble=trouble, line=int(found[1]))
    if found := _AT_TIME.fullmatch(when):
        return Planned(trouble=trouble, time=float(found[1]))
    if found := _ON.fullmatch(when):
        return Planned(trouble=trouble, command=found[2], nth=0 if found[1] else int(found[3] or 1))
    raise BadFault(
        f"When is {when[:40]!r}? Write `at line 12`, `at 30s`, `on M109`, `on G1 5` or `on each G1`."
    )


def _changed(found: Faults, said: str) -> Faults:
    name, _, value = said.partition("=")
    name, value = name.strip().replace("-", "_"), value.strip()
    if name in _HABITS:
        return structs.replace(found, **{name: _HABITS[name](value)})
    kind, direction = (name[:-4], "outgoing") if name.endswith("_out") else (name, "incoming")
    if kind not in Noise.__struct_fields__:
        raise BadFault(f"There is no fault {name[:40]!r}: choose one of {', '.join(names())}.")
    noise = structs.replace(getattr(found, direction), **{kind: _share(value)})
    return structs.replace(found, **{direction: noise})


def names() -> list[str]:
    """Return the names of all rates and habits, as they are written."""
    noise = Noise.__struct_fields__
    return [name.replace("_", "-") for name in (*noise, *(f"{name}_out" for name in noise), *_HABITS)]


def _share(value: str) -> float:
    number = _seconds(value)
    if number > 1:
        raise BadFault(f"{value[:40]!r} is no share of lines: write a number from 0 to 1.")
    return number


def _seconds(value: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}", value):
        raise BadFault(f"{value[:40]!r} is no number that is 0 or more.")
    return float(value)


def _yes(value: str) -> bool:
    answers = {"": True, "yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}
    if value not in answers:
        raise BadFault(f"{value[:40]!r} is neither yes nor no.")
    return answers[value]


def _text(value: str) -> str:
    return value[:200]


def _one_of(values: Mapping[str, Any]) -> Callable[[str], Any]:
    def chosen(value: str) -> Any:
        if value not in values:
            raise BadFault(f"{value[:40]!r} is not known here: choose one of {', '.join(values)}.")
        return values[value]

    return chosen


_HABITS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "lost_ok": _share,
        "double_ok": _share,
        "late_ok": _share,
        "late_by": _seconds,
        "wrong_resend": _share,
        "short_resend": _share,
        "needless_resend": _share,
        "resend_ok": _one_of({each.value: each for each in ResendOk}),
        "doubled": _one_of({each.value: each for each in Doubled}),
        "stray_reports": _yes,
        "saved_ok": _yes,
        "ok_first": _yes,
        "ok_text": _text,
        "greeting_garbage": _yes,
        "line_end": _one_of(_LINE_ENDS),
        "slow_heaters": _seconds,
    }
)
