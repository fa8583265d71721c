"""One configuration mapping read key by key: each fault names the key and the way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from callboard.errors import CallboardError

T = TypeVar("T")

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|h|d|)")
_FLAGS: Final = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
MAX_SECONDS: Final = 366 * 86400.0


class BadHook(CallboardError):
    """This hook can't be used: correct the named key.

    `kind` says the same without a word of the file; empty, it says only which key. `repair` is what to
    put in place of what (None: take it out) to read on and find what else is wrong; `renamed` are keys
    among these whose value is the file's; `also` are more faults of the same kind.
    """

    def __init__(
        self,
        message: str,
        key: str = "",
        kind: str = "",
        *,
        repair: Mapping[str, Any] | None = None,
        also: Sequence[BadHook] = (),
        renamed: Iterable[str] = (),
    ) -> None:
        self.key, self.kind = key, kind
        self.repair: Mapping[str, Any] = {key: None} if repair is None and key else repair or {}
        self.also = tuple(also)
        self.renamed = frozenset(renamed)
        super().__init__(message)


def together(faults: Sequence[BadHook]) -> BadHook:
    """Return several faults as one."""
    first = faults[0]
    return BadHook(
        str(first), first.key, first.kind, repair=first.repair, renamed=first.renamed, also=faults[1:]
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean X?` for the known name nearest to `name`, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean {found[0]}?" if found else ""


_SECRETS = frozenset({"headers", "secret"})
"""Keys whose values are shown to nobody, wrong ones neither."""


class Fields:
    """Typed access to a mapping; every getter raises BadHook for a value of another type."""

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self._values, self._where = values, where

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def missing(self, key: str, wanted: str, known: Iterable[str], instead: Any = None) -> BadHook:
        """Return the fault for a key that is not there, or that is there under a name much like it.

        `instead` is a value to read on with.
        """
        strangers = [str(name) for name in self._values if name not in known]
        near = next(iter(difflib.get_close_matches(key, strangers, n=1, cutoff=0.7)), None)
        if near is not None:
            repair = {near: None, key: self._values[near]}
            said = f"unknown key {near!r}, did you mean {key!r}?"
            return BadHook(said, near, f"{key} is misspelt", repair=repair, renamed=(key,))
        said = f"{key} is missing: write {wanted}"
        return BadHook(said, kind=said, repair={} if instead is None else {key: instead})

    def only(self, known: Collection[str], what: str) -> None:
        """Refuse keys that are not `known`."""
        strangers = [key for key in self._values if key not in known]
        if not strangers:
            return
        meant = {
            key: found[0]
            for key in strangers
            if (found := difflib.get_close_matches(str(key), known, n=1, cutoff=0.7))
            and found[0] not in self._values
        }
        repair = {**dict.fromkeys(strangers), **{meant[key]: self._values[key] for key in meant}}
        raise together(
            [
                BadHook(
                    f"{self._where}{key} is no key of {what}{nearest(str(key), known)}",
                    str(key),
                    "an unknown key",
                    repair=repair,
                    renamed=meant.values(),
                )
                for key in strangers
            ]
        )

    def raw(self, key: str) -> Any:
        """Return what the file says, or None."""
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Return a text; a number is taken as the text it was written as."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._bad(key, "a text")
        return str(value)

    def one_of(self, key: str, choices: Sequence[str], default: str = "") -> str:
        """Return one of `choices`."""
        value = self.text(key, default)
        if value not in choices:
            meant = next(iter(difflib.get_close_matches(value, choices, n=1, cutoff=0.6)), None)
            raise self._bad(key, " or ".join(choices), nearest(value, choices), meant)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean: also yes, no, on, off, as ever in such files."""
        value = self._values.get(key)
        if isinstance(value, str):
            value = _FLAGS.get(value.lower(), value)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._bad(key, "true or false")
        return value

    def count(self, key: str, default: int, least: int, most: int) -> int:
        """Return a whole number between `least` and `most`."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._bad(key, f"a whole number from {least} to {most}")
        return value

    def seconds(self, key: str, default: float | None) -> float | None:
        """Return a duration in seconds: a number, or 500ms, 30s, 5m, 2h, 1d."""
        value = self._values.get(key)
        if value is None:
            return default
        found = None if isinstance(value, bool) else _DURATION.fullmatch(str(value).strip())
        if not found or (seconds := float(found[1]) * _UNITS[found[2]]) > MAX_SECONDS:
            raise self._bad(key, "a duration: seconds, or 500ms, 30s, 5m, 2h, 1d")
        return seconds

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts as a tuple."""
        value = self._values.get(key)
        listed = [] if value is None else value if isinstance(value, list | tuple) else [value]
        if len(listed) > 1000 or any(
            isinstance(item, bool) or not isinstance(item, str | int | float) for item in listed
        ):
            raise self._bad(key, "a text or a list of texts")
        return tuple(map(str, listed))

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a map, empty when the key is missing."""
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self._bad(key, "a map")
        return value

    def made(self, key: str, make: Callable[[str], T]) -> T | None:
        """Return what `make` makes of a text, None when the key is missing; faults name the key."""
        if key not in self:
            return None
        try:
            return make(self.text(key))
        except BadHook:
            raise
        except CallboardError as error:
            raise BadHook(f"{self._where}{key}: {error}", key) from None

    def _bad(self, key: str, wanted: str, hint: str = "", instead: Any = None) -> BadHook:
        value = str(self._values.get(key))[:60]
        shown = "takes" if key in _SECRETS else f"is {value!r}: it takes"
        said = f"{self._where}{key} {shown} {wanted}{hint}"
        return BadHook(said, key, f"takes {wanted}", repair={key: instead})
