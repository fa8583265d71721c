"""What may be shown of text that may hold a login: in faults, reasons and logs, which others read too."""

from __future__ import annotations

import re
from typing import Final

_BEGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}\Z", re.ASCII)
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[\w.-]{1,253})(?::\d{1,5})?", re.ASCII)
_QUOTES: Final = "'\"(<["


def without_secrets(text: str) -> str:
    """Return a text whose addresses show nothing but scheme and host; what looks like a login is left out.

    Cameras have their passwords before the host, in the path and in the query, and people forget the scheme.
    Linear in the size.
    """
    return "".join(_plain(word) for word in re.split(r"(\s+)", text))


def _plain(word: str) -> str:
    before, mark, rest = word.partition("://")
    if mark:
        scheme = _BEGIN.search(before[-21:])
        quote = word[: len(word) - len(word.lstrip(_QUOTES))]
        return f"{quote}{scheme[0] if scheme else ''}://{_host(rest)}"
    is_login = "@" in word or ("=" in word and not {"?", "&", "/"}.isdisjoint(word))
    return "..." if is_login else word


def _host(rest: str) -> str:
    """Return the host of what stands behind a scheme, if it is sure which part that is."""
    authority, *more = re.split(r"[/?#]", rest, maxsplit=1)
    host = _HOST.match(authority.rpartition("@")[2])
    if host is None or (more and "@" in more[0]):  # a login may have a slash, a path an @
        return "..."
    return host[0] if host[0] == rest else f"{host[0]}/..."
