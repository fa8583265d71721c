"""Where the hub is and who we are: the first answer of the arguments, the environment, the data folder.

    arguments -> CALLBOARD_* -> server.json and admin.key -> FTRACK_*

The data folder's key is only used for the hub that wrote it, and FTRACK_* only whole: a first try
never reaches a real studio by mistake, and a studio's key never reaches another server.
Source: contract.md, "Commands".
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from callboard.errors import CallboardError, Unauthenticated

ADMIN = "admin"
VARIABLES = ("CALLBOARD_URL", "CALLBOARD_API_USER", "CALLBOARD_API_KEY")
"""What the environment says where and as whom by."""
HOW = "connect(url, user, key)"
"""How a program says where and as whom; the command line says it in its own words."""


class NoHub(CallboardError):
    """No hub to talk to: start one with `callboard serve`, or pass connect(url, user, key)."""


class Credentials(Struct, frozen=True):
    """A hub's address, without a slash at the end, and a user with a key for it.

    The user may be empty: a key alone says whose it is.
    """

    url: str
    user: str
    key: str

    def __repr__(self) -> str:
        return f"Credentials({self.url!r}, {self.user!r})"


class _Known(Struct, frozen=True):
    """What is known so far."""

    url: str | None = None
    user: str | None = None
    key: str | None = None

    def filled(self, found: _Known) -> _Known:
        """Return this with what it lacks taken from `found`; a key is taken with its user only."""
        # A key alone says whose it is: no user of another source may come beside it.
        if self.key is not None or (self.user and found.user and self.user != found.user):
            return _Known(self.url or found.url, self.user, self.key)
        return _Known(self.url or found.url, self.user or found.user, found.key)

    def same_hub(self, found: _Known) -> bool:
        """Tell whether `found` speaks of the hub that is known, if one is."""
        return not self.url or not found.url or _spot(self.url) == _spot(found.url)


def data_folder(given: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the data folder: what was given, else CALLBOARD_DATA, else platformdirs' user data folder."""
    environ = os.environ if environ is None else environ
    named = given or environ.get("CALLBOARD_DATA")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path("callboard", appauthor=False)


def find(
    url: str | None = None,
    user: str | None = None,
    key: str | None = None,
    *,
    data: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Credentials:
    """Return the hub to talk to and as whom; a data folder that is given comes before the environment.

    Raises NoHub when no address is known, Unauthenticated when no user and key are known for it.
    """
    environ = os.environ if environ is None else environ
    known = _Known(url or None, user or None, key or None)
    folder = data_folder(data, environ)
    if data is not None and known.same_hub(left := _left_in(folder)):
        known = known.filled(left)
    known = known.filled(_of(environ, *VARIABLES))
    if data is None and known.same_hub(left := _left_in(folder)):
        known = known.filled(left)
    return _complete(_studio(known, environ), folder)


def _studio(known: _Known, environ: Mapping[str, str]) -> _Known:
    """Take FTRACK_* for the studio's own server, or when nothing else is known at all."""
    studio = _of(environ, "FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY")
    wanted = known.url and studio.url and known.same_hub(studio)
    return known.filled(studio) if wanted or known == _Known() else known


def _complete(known: _Known, folder: Path) -> Credentials:
    if not known.url:
        raise NoHub(
            f"No hub to talk to: none has left its address in {folder}. "
            f"Start one with `callboard serve`, or pass {HOW}."
        )
    user = known.user or ""
    if not known.key:
        missing = "key" if user else "user and key"
        raise Unauthenticated(
            f"No {missing} known for {address(known.url)}: pass {HOW}, "
            "or set CALLBOARD_API_USER and CALLBOARD_API_KEY."
        )
    if not (user + known.key).isprintable():
        raise Unauthenticated("This user or key has a line break in it, or another sign that none can have.")
    return Credentials(address(known.url), user, known.key)


def _of(environ: Mapping[str, str], url: str, user: str, key: str) -> _Known:
    return _Known(environ.get(url) or None, environ.get(user) or None, environ.get(key) or None)


def left_in(folder: Path, known: Credentials) -> bool:
    """Tell whether `known` is the hub that `callboard serve` left its address of in this data folder."""
    left = _left_in(folder).url
    return left is not None and _spot(left) == _spot(known.url)


def _left_in(folder: Path) -> _Known:
    """Return what `callboard serve` left in its data folder while it runs."""
    try:
        left = json.loads((folder / "server.json").read_text("utf-8"))
        key = (folder / "admin.key").read_text("utf-8").strip()
        return _Known(str(left["url"]), str(left.get("user") or ADMIN), key)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return _Known()


def address(url: str) -> str:
    """Return `url` as `http(s)://host[:port][/path]`; without a scheme it means http.

    Raises NoHub for what is no address.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in {"http", "https"} or not parts.hostname:
        raise NoHub(f"{url[:200]!r} is no address of a hub: write http://HOST:PORT.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _spot(url: str) -> str:
    """Return what two addresses of one server have in common."""
    parts = urlsplit(address(url))
    host = "127.0.0.1" if parts.hostname in {"localhost", "::1"} else parts.hostname
    return f"{host}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"
