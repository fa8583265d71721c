"""MetadataAnalysisFinished has two spellings, and a print host may send both: a hook runs once.

Source: seeds/print-events.txt, "File handling"; facts/print-host-facts.md 1.3.
"""

from __future__ import annotations

from callboard.event import Event, encode_json
from callboard.hooks.reading import ANALYSED, MISSPELT


class Spelling:
    """Remembers an analysis until its other spelling comes."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, str] = {}

    def other(self, event: Event) -> str:
        """Return why `event` is nothing new, or nothing: each spelling answers for one of the other."""
        if event.topic not in {ANALYSED, MISSPELT}:
            return ""
        what = encode_json([event.data, event.source.get("printer")])
        if self._waiting.get(what, event.topic) != event.topic:
            del self._waiting[what]
            return "the same analysis under its other spelling"
        self._waiting[what] = event.topic
        while len(self._waiting) > 64:
            del self._waiting[next(iter(self._waiting))]
        return ""
