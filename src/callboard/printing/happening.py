"""A happening: what a printer's machine has to tell, as it was at that moment.

It becomes the event `octoprint.<name>`. Its values are copies: whatever the machine does next, they stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

NOTHING: Final[Mapping[str, Any]] = {}
"""The payload of an event that has none; a plain dict, since that is what JSON encoders take."""


class Happening(Struct, frozen=True):
    """One event of a printer.

    `data` has the keys of the catalog (`callboard.catalog`). `job` is {file, path, origin, progress, z}
    as they were: of the job, or else of the selected file; progress in percent, z in mm; None where
    nothing is known of any of them.
    """

    name: str
    data: Mapping[str, Any] = NOTHING
    job: Mapping[str, Any] | None = None
