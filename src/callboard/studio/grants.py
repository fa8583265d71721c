"""Uploads that were granted and have not come yet: each token is good for one file, for some minutes.

A token stands for its grant alone, never for a key. A few at a time belong to a user; more push the oldest
out, so that a script that asks and never uploads takes nothing from others.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from callboard.files.refusals import NoSuchFile

LASTS: Final = 600.0
"""Seconds within which an upload must begin."""
MOST: Final = 1000
"""Uploads of one user that may wait; a batch asks for as many at most."""


class NoSuchUpload(NoSuchFile):
    """This upload is unknown, done, or was not begun in time: ask by get_upload_metadata for another."""


class Grant(Struct, frozen=True, kw_only=True):
    """What may come: the bytes of one component, so many, with this MD5 if one was announced.

    `key` is the id of the user's key that asked, so that a grant ends with it.
    """

    component: str
    user: str
    size: int
    md5: bytes | None = None
    key: int = 0


class _Given(Struct, frozen=True):
    grant: Grant
    ends: float


class Grants:
    """The tokens; `clock` gives seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, lasts: float = LASTS, most: int = MOST
    ) -> None:
        self._clock, self._lasts, self._most = clock, lasts, most
        self._given: dict[str, _Given] = {}
        self._users: dict[str, dict[str, None]] = {}
        self._newest: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._given)

    def give(self, grant: Grant) -> str:
        """Return a new token; an earlier one for the same component is good no more."""
        self._expire()
        self._take(self._newest.get(grant.component, ""))
        while len(mine := self._users.get(grant.user, {})) >= self._most:
            self._take(next(iter(mine)))
        token = secrets.token_urlsafe(32)
        self._put(token, _Given(grant, self._clock() + self._lasts))
        return token

    @contextlib.contextmanager
    def claimed(self, token: str) -> Iterator[Grant]:
        """Give what a token is good for, to nobody else meanwhile; after an error it is good again.

        Raises NoSuchUpload.
        """
        given = self._take(token)
        if given is None or given.ends < self._clock():
            raise NoSuchUpload
        try:
            yield given.grant
        except BaseException:
            if given.grant.component not in self._newest:
                self._put(token, given)
            raise

    def check(self, grant: Grant) -> None:
        """Raise NoSuchUpload if another was granted for the component, while this one came."""
        if grant.component in self._newest:
            raise NoSuchUpload("Another upload was granted for this component meanwhile: that one counts.")

    def _expire(self) -> None:
        now = self._clock()
        while self._given and self._given[first := next(iter(self._given))].ends < now:
            self._take(first)

    def _put(self, token: str, given: _Given) -> None:
        self._given[token] = given
        self._users.setdefault(given.grant.user, {})[token] = None
        self._newest[given.grant.component] = token

    def _take(self, token: str) -> _Given | None:
        given = self._given.pop(token, None)
        if given is None:
            return None
        mine = self._users[given.grant.user]
        del mine[token]
        if not mine:
            del self._users[given.grant.user]
        del self._newest[given.grant.component]
        return given
