"""Profiles: what a slicer is told, by slicer and name; those of the configuration, and those stored.

    slicing/profiles/<slicer>/<key>.json     stored ones;  <slicer>/default   the key of the one that is meant
                                             when none is named

Those of the configuration can't be changed here, and win over stored ones of the same name. The first that is
stored becomes the default. Blocking: rooms call it in threads.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.config import SlicingProfile
from callboard.slicing.parts import sweep, write
from callboard.slicing.refusals import BadProfile, NoSuchProfile, Refused
from callboard.slicing.slicer import Settings, Slicer

_KEY: Final = re.compile(r"\w[\w .+-]{0,79}", re.ASCII)
MOST: Final = 500
"""Profiles of one slicer that can be stored."""
_LARGEST: Final = 4 << 20
_DEFAULT: Final = "default"


class Profile(Struct, frozen=True, kw_only=True, rename="camel"):
    """A profile: `data` are the slicer's settings in its own words."""

    slicer: str
    key: str
    display_name: str = ""
    description: str = ""
    default: bool = False
    configured: bool = False
    data: Mapping[str, str] = {}


class _Stored(Struct, frozen=True, rename="camel"):
    display_name: str = ""
    description: str = ""
    data: Mapping[str, str] = {}


class Profiles:
    """The profiles of some slicers, stored below `folder`."""

    def __init__(
        self, folder: Path, slicers: Mapping[str, Slicer], configured: Sequence[SlicingProfile]
    ) -> None:
        self._folder, self._slicers = folder, slicers
        self._configured = {(one.slicer, one.name): one for one in configured}

    def all(self, slicer: str) -> list[Profile]:
        """Return a slicer's profiles, by key."""
        default = self.default(slicer)
        found: list[Profile] = []
        for key in self.keys(slicer):
            with contextlib.suppress(NoSuchProfile, BadProfile):
                found.append(self._read(slicer, key, default))
        return found

    def keys(self, slicer: str) -> list[str]:
        """Return the keys of a slicer's profiles, without reading one."""
        return sorted(self._stored_keys(slicer) | {key for of, key in self._configured if of == slicer})

    def get(self, slicer: str, key: str) -> Profile:
        """Return a profile. Raises NoSuchProfile, or BadProfile for one that can't be read."""
        return self._read(slicer, key, self.default(slicer))

    def default(self, slicer: str) -> str:
        """Return the key of the profile that is meant when none is named; empty if there is none."""
        said = next((key for (of, key), one in self._configured.items() if of == slicer and one.default), "")
        if said:
            return said
        with contextlib.suppress(OSError, UnicodeDecodeError):
            said = (self._place(slicer) / _DEFAULT).read_text("utf-8").strip()[:100]
            if _KEY.fullmatch(said) and self._path(slicer, said).exists():
                return said
        return next((key for of, key in self._configured if of == slicer), "")

    def settings(self, slicer: str, key: str, overrides: Settings) -> tuple[str, dict[str, str]]:
        """Return the key of the profile that is meant and its settings with others over them.

        Without a key it is the default; the slicer's own where it has no profile at all, since one whose
        default was removed must not print with others unnoticed. Raises NoSuchProfile or BadProfile.
        """
        key = key or self.default(slicer)
        if not key and (known := self.keys(slicer)):
            raise NoSuchProfile(
                f"None of the profiles of {slicer} is its default: name one ({', '.join(known[:20])}), "
                f"or choose it with `callboard slicing default {slicer} PROFILE`."
            )
        found = {**(self.get(slicer, key).data if key else {}), **overrides}
        self._slicers[slicer].check(found)
        return key, found

    def save(self, profile: Profile) -> bool:
        """Store a profile; returns whether it is new.

        Raises BadProfile or Refused, for one that stands in the configuration too; then nothing is stored.
        """
        key, slicer = profile.key, profile.slicer
        self._check_key(slicer, key)
        self._slicers[slicer].check(profile.data)
        if profile.default and self._names_default(slicer):
            raise Refused("The configuration names the default profile: change it there.")
        path = self._path(slicer, key)
        new, first = not path.exists(), not self.default(slicer)
        if new and len(self._stored_keys(slicer)) >= MOST:
            raise Refused(f"{slicer} has {MOST} profiles: remove one that nobody needs first.")
        write(path, _encoded(profile))
        if profile.default or first:
            write(self._place(slicer) / _DEFAULT, key.encode())
        return new

    def remove(self, slicer: str, key: str) -> None:
        """Remove a stored profile. Raises NoSuchProfile, or Refused for a configured one."""
        self._check_key(slicer, key)
        try:
            self._path(slicer, key).unlink()
        except FileNotFoundError:
            raise NoSuchProfile(f"{slicer} has no profile {key!r}.") from None

    def sweep(self) -> None:
        """Remove what a crash left."""
        for slicer in self._slicers:
            sweep(self._place(slicer))

    def _names_default(self, slicer: str) -> bool:
        return any(of == slicer and one.default for (of, _), one in self._configured.items())

    def _stored_keys(self, slicer: str) -> set[str]:
        return {path.stem for path in self._place(slicer).glob("*.json") if _KEY.fullmatch(path.stem)}

    def _read(self, slicer: str, key: str, default: str) -> Profile:
        configured = self._configured.get((slicer, key))
        if configured is not None:
            return Profile(
                slicer=slicer,
                key=key,
                display_name=key,
                description=configured.description,
                default=key == default,
                configured=True,
                data=configured.settings,
            )
        stored = self._stored(slicer, key)
        return Profile(
            slicer=slicer,
            key=key,
            display_name=stored.display_name or key,
            description=stored.description,
            default=key == default,
            data=stored.data,
        )

    def _stored(self, slicer: str, key: str) -> _Stored:
        path = self._path(slicer, key)
        try:
            if path.stat().st_size > _LARGEST:
                raise BadProfile(f"The profile {key!r} is larger than profiles are.")
            return msgspec.json.decode(path.read_bytes(), type=_Stored)
        except OSError:
            known = ", ".join(self.keys(slicer)[:20]) or "none yet"
            others = [other for other in self._slicers if key in self.keys(other)]
            hint = f" {' and '.join(others)} {'has' if len(others) == 1 else 'have'} it." if others else ""
            raise NoSuchProfile(f"{slicer} has no profile {key[:80]!r}; there are: {known}.{hint}") from None
        except msgspec.MsgspecError as error:
            raise BadProfile(f"The profile {key!r} can't be read: {error}.") from None

    def _check_key(self, slicer: str, key: str) -> None:
        if not _KEY.fullmatch(key) or key.endswith((".", " ")):
            raise BadProfile(f"{key[:40]!r} is no name of a profile: letters, digits, blanks and `._+-`.")
        if (slicer, key) in self._configured:
            raise Refused(f"The profile {key!r} stands in the configuration: change it there.")

    def _place(self, slicer: str) -> Path:
        return self._folder / slicer

    def _path(self, slicer: str, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise NoSuchProfile(f"{slicer} has no profile {key[:80]!r}.")
        return self._place(slicer) / f"{key}.json"


def _encoded(profile: Profile) -> bytes:
    """Return a profile as it is stored. Raises BadProfile for one that could not be read again."""
    stored = _Stored(profile.display_name[:200], profile.description[:2000], profile.data)
    found = msgspec.json.format(msgspec.json.encode(stored))
    if len(found) > _LARGEST:
        raise BadProfile(f"The profile {profile.key!r} is larger than profiles are: leave something out.")
    return found


def settings_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return settings that came as JSON as slicers take them: true is 1 for some, so it is said as text."""
    return {str(key): _text(key, value) for key, value in found.items()}


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | str):
        return str(value)
    raise BadProfile(
        f"{str(key)[:40]!r} is neither text nor a number: write it as the slicer's own file does."
    )
