"""Durations and sizes as people write them: `30d`, `1.5h`, `8MiB`, or a number of seconds or bytes."""

from __future__ import annotations

import math
import re
from typing import Any

from callboard.config.discretion import without_secrets


class Seconds(float):
    """A duration; in a configuration a number of seconds, or text such as `30d`."""


class Bytes(int):
    """A size; in a configuration a number of bytes, or text such as `8MiB`."""


_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
_WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z]{0,3})\s*", re.ASCII)


def duration(value: Any) -> Seconds:
    """Return seconds; raises ValueError for what is no duration.

    Takes a number of seconds, or text with a unit: ms, s, m (or min), h, d, w.
    """
    return Seconds(_read(value, _SECONDS, "s", "a duration: write seconds, or 500ms, 30s, 5m, 12h, 30d, 2w"))


def size(value: Any) -> Bytes:
    """Return bytes; raises ValueError for what is no size.

    Takes a number of bytes, or text with a unit: B, kB, MB, GB, TB (1000), KiB, MiB, GiB, TiB (1024).
    """
    return Bytes(_read(value, _BYTES, "b", "a size: write bytes, or 256KiB, 8MiB, 20GB"))


def _read(value: Any, units: dict[str, float] | dict[str, int], alone: str, wanted: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return value
    found = _WRITTEN.fullmatch(value[:60]) if isinstance(value, str) else None
    unit = (found[2] or alone).lower() if found else ""
    if found is None or unit not in units:
        raise ValueError(f"{without_secrets(str(value))[:60]!r} is not {wanted}")
    return float(found[1]) * units[unit]
