"""Both spellings of a key, so that who listens for the one hears who writes the other.

The seed says `componentId` and `locationId`, every client in use sends `component_id` and `location_id`
(facts, 4.1). The hub gives such an event the spelling that it lacks before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

Spelling = Callable[[Raw], Raw]
"""Takes the `data` of an event as JSON and gives it complete; what it can't read it gives back."""

KEYS: Final = (("componentId", "component_id"), ("locationId", "location_id"))
LONGEST: Final = 1000
"""Bytes of a value that is written twice; ids have 36."""

_data = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder()


def both(data: Raw) -> Raw:
    """Return data with both spellings of its keys; as it is where there is nothing to add.

    Only text is written twice; two spellings with different values stay as they are.
    """
    try:
        found = _data.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return data
    missing = dict(_missing(found))
    return Raw(_encoder.encode({**found, **missing})) if missing else data


def _missing(found: Mapping[str, Raw]) -> list[tuple[str, Raw]]:
    made = []
    for one, other in KEYS:
        for has, lacks in ((one, other), (other, one)):
            if has in found and lacks not in found and _is_short_text(found[has]):
                made.append((lacks, found[has]))
    return made


def _is_short_text(value: Raw) -> bool:
    text = bytes(value)
    return text[:1] == b'"' and len(text) <= LONGEST


SPELLINGS: Final[Mapping[str, Spelling]] = {
    "ftrack.location.component-added": both,
    "ftrack.location.component-removed": both,
}
"""What the hub is given: for a topic, what to do with the data of its events."""
