"""How long the printer may be silent. Seconds. Source: facts/print-host-facts.md 3.5."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

LONG: Final = frozenset(
    {"G4", "G28", "G29", "G30", "G32", "G33", "G34", "M226", "M400", "M600", "M701", "M702"}
)
"""Commands that take long: no line for a long time says nothing about them."""
HEATING: Final = frozenset({"M109", "M190", "M191", "M116"})
"""Commands that wait for a temperature."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long to wait for what, in seconds."""

    hello: float = 2.5
    """Between greetings that nobody answers; a board boots in up to 10 s."""
    greeting: float = 60.0
    """All greetings together; then the printer is not there."""
    communication: float = 30.0
    """Without a line although one is awaited: one timeout."""
    busy: float = 3.0
    """The same for firmware that says `busy` while it is at it."""
    probe: float = 0.05
    """Without an ok although one is owed: ask what has arrived ..."""
    probe_most: float = 4.0
    """... and later and later, up to this, as long as nothing was wrong."""
    ask: float = 1.0
    """Where it can't be asked harmlessly: ask in the way that empties the firmware's receive buffer ..."""
    ask_behind_fences: float = 10.0
    """... and the same where it could, but nothing was answered."""
    resend_ok: float = 0.15
    """Between a Resend and the ok that belongs to it; they leave the firmware together."""
    greeted: float = 0.5
    """For the oks of the other greetings."""
    quiet: float = 0.03
    """Without a refusal after several that contradict each other: then all of them have come."""
    refused: float = 0.05
    """Without progress after a Resend that looked like an echo of an earlier one: do it after all."""
    idle_count: int = 2
    """Timeouts in a row after which an idle printer is gone; 0 is never."""
    printing_count: int = 5
    """The same while it prints or does something long."""
