"""A configuration's text as the hooks in it: for loading, for loading again, and for looking at a file.

text -> config.load -> reading.read_hooks -> Checked(hooks, enabled, warnings)
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from callboard.config import Config, load
from callboard.config.document import WARNING
from callboard.errors import BadConfig
from callboard.hooks.model import Fault, HookSet, Printer
from callboard.hooks.reading import read_hooks

_NO_YAML: Final = "this is no YAML"
_PLACE: Final = re.compile(r"(?P<file>.*):(?P<line>\d+): (?P<reason>.*)", re.DOTALL)


class Checked(Struct, frozen=True):
    """What a configuration says of hooks; `hooks.faults` has those of the whole file."""

    hooks: HookSet
    enabled: bool = True
    warnings: tuple[str, ...] = ()
    config: Config | None = None
    """None when the file can't be read at all."""

    @property
    def loaded(self) -> HookSet:
        """The hooks to run: none while `events.enabled` is false."""
        return self.hooks if self.enabled else HookSet(faults=self.hooks.faults)


def check(text: str, file: str = "callboard.yaml") -> Checked:
    """Return what the configuration in `text` says of hooks; never raises: faults are values."""
    try:
        return of_config(load(text, file))
    except BadConfig as error:
        return faulty(str(error), file)


def of_config(config: Config) -> Checked:
    """Return what a configuration that was read says of hooks."""
    printers = [Printer(one.name, one.tags) for one in config.printers]
    found = read_hooks(config.events.subscriptions, config.file, printers)
    return Checked(found, config.events.enabled, config.warnings, config)


def faulty(reasons: str, file: str) -> Checked:
    """Return what is known of a file that can't be read: its faults, one a line."""
    lines = reasons.splitlines()
    warnings = tuple(line for line in lines if f": {WARNING}" in line)
    return Checked(
        HookSet(faults=tuple(_fault(line, file) for line in lines if line not in warnings)), warnings=warnings
    )


def _fault(text: str, file: str) -> Fault:
    """Return `file:line: reason` as a fault."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return Fault(1, text, file, "the file can't be read")
    kind = _NO_YAML if found["reason"].startswith(_NO_YAML) else "a setting can't be used"
    return Fault(int(found["line"]), found["reason"], found["file"], kind)
