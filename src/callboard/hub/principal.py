"""Who somebody is, and what they may do.

A principal is made from an API key. Its `publish` and `receive` expressions hold wherever events
go: live, history, SSE and replay. `source` is never asked, since services publish on behalf of
artists: authority is the key, and the log keeps its user as `entry.publisher`.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import Struct

from callboard.errors import BadKey, StorageFailed
from callboard.expression import Expression, parse
from callboard.store import Store

PROTOCOL = frozenset({"ftrack.meta.subscribe", "ftrack.meta.unsubscribe", "ftrack.meta.reply"})
"""Topics that a connection speaks with the hub itself: every key may, the hub checks the content."""
FABRICATED = frozenset({"ftrack.meta.connected", "ftrack.meta.disconnected"})
"""Topics that clients make for themselves: nobody may publish them."""
PLAIN = "not (topic=octoprint.* or topic=callboard.* or topic=ftrack.update)"
"""What a key without a publish expression may publish: facts that others act on stay with their rooms."""
RIGHTS = frozenset({"hooks", "settings", "keys", "printers", "tracker"})
"""What can be given to a key beside publishing and receiving."""
ADMIN = "admin"
"""The user of the key that the first start writes."""
HOUSE = "callboard"
"""The publisher of what happens in the house itself; no key can bear this name."""

# No slash: cursors are named user/subscriber. Lone surrogates can't be stored.
_USER = re.compile(r"(?!\s)[^\x00-\x1f\x7f/\ud800-\udfff]{1,256}(?<!\s)")


class Principal(Struct, frozen=True):
    """Somebody with a key: a name, and what that key may publish, receive and do.

    `publish` and `receive` are expressions over events; None is everything. `key` is the id of
    the key it was made from, 0 for one that lives in the house.
    """

    name: str
    publish: Expression | None = None
    receive: Expression | None = None
    rights: frozenset[str] = frozenset()
    key: int = 0

    def may_publish(self, document: Mapping[str, Any]) -> bool:
        """True when this key may publish the event; the protocol's own topics are always allowed."""
        topic = document["topic"]
        if topic in PROTOCOL:
            return True
        return topic not in FABRICATED and (self.publish is None or self.publish.matches(document))

    def may_receive(self, document: Mapping[str, Any]) -> bool:
        """True when this key may see the event, live or from the past."""
        return self.receive is None or self.receive.matches(document)

    def may(self, right: str) -> bool:
        """True when this key was given `right` (one of RIGHTS)."""
        return right in self.rights


class Key(Struct, frozen=True):
    """What is known of a key; its text is known to its owner alone.

    `publish` and `receive` are the expressions as they were given; None is PLAIN for publishing
    and everything for receiving. `created` is seconds since 1970.
    """

    id: int
    user: str
    publish: str | None
    receive: str | None
    rights: tuple[str, ...]
    created: float

    @property
    def principal(self) -> Principal:
        """The principal that this key stands for."""
        return Principal(
            self.user,
            _unlimited(PLAIN if self.publish is None else self.publish),
            _unlimited(self.receive or ""),
            frozenset(self.rights),
            self.id,
        )


class Keys:
    """The API keys in callboard.db.

    `create`, `revoke` and `list` wait for the disk (in a loop: `asyncio.to_thread`); `check` does not.

    Keys are 256 random bits, so one SHA-256 is enough to store them by: there is no dictionary to
    try, and a slow hash (argon2) would only make a thousand reconnecting clients expensive.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        store.apply("keys", files("callboard.hub").joinpath("keys.sql").read_text("utf-8"))
        self._known: dict[str, tuple[tuple[bytes, Principal], ...]] = {}
        self._version = -1

    def create(
        self, user: str, publish: str | None = None, receive: str | None = None, rights: Iterable[str] = ()
    ) -> str:
        """Make a key for `user` and return its text, which can't be had again.

        Raises BadKey for a name or a right that can't be, BadExpression for an expression.
        """
        given = sorted(set(rights))
        _check_user(user)
        _check_rights(given)
        for expression in (publish, receive):
            parse(expression or "")
        key = f"cb_{secrets.token_urlsafe(32)}"
        row = (user, _hash(key), publish, receive, " ".join(given), time.time())
        self._store.run(lambda connection: connection.execute(_INSERT, row)).result()
        return key

    def check(self, user: str, key: str) -> Principal | None:
        """Return who holds this key, None when that user has no such key.

        Takes microseconds: principals are kept in memory until any process changes the file.
        The time does not tell how much of a key was right.
        """
        given, found = _hash(key), None
        for stored, principal in self._of(user):
            if hmac.compare_digest(stored, given):
                found = principal
        return found

    def find(self, key: str) -> Key | None:
        """Return what is known of a key by its text alone, None when there is no such key.

        Looked up by its SHA-256: how long that takes tells nothing that could be tried out.
        """
        rows = self._store.peek(_SELECT + " WHERE hash = ?", (_hash(key),))
        return _key(rows[0]) if rows else None

    def check_bearer(self, key: str) -> Principal | None:
        """Return who holds this key, whoever that is; None when there is no such key."""
        found = self.find(key)
        return found.principal if found is not None else None

    def stands(self, principal: Principal) -> bool:
        """Return whether the key of `principal` has not been revoked; as quick as `check`.

        For connections that are open: a key is checked when it comes in, and may be revoked since.
        """
        return not principal.key or any(each.key == principal.key for _, each in self._of(principal.name))

    def list(self) -> tuple[Key, ...]:
        """Return all keys, oldest first."""
        return tuple(_key(row) for row in self._store.peek(_SELECT + " ORDER BY id"))

    def revoke(self, number: int) -> bool:
        """Forget the key with this id; False when there is none. Open connections are the hub's to close."""
        return (
            self._store.run(lambda connection: connection.execute(_DELETE, (number,)).rowcount).result() > 0
        )

    def ensure_admin(self, path: Path) -> None:
        """See to it that the file `path` holds a key of the user `admin`, who may do everything.

        Written when it is missing or holds no valid key, readable for its owner alone (mode 0600). A key
        from before there was a right to something gets that right, too.
        """
        kept = path.read_text("utf-8", "replace").strip() if path.exists() else ""
        if held := self.check(ADMIN, kept):
            path.chmod(0o600)
            if held.rights != RIGHTS:
                row = (" ".join(sorted(RIGHTS)), held.key)
                self._store.run(lambda connection: connection.execute(_ENTITLE, row)).result()
            return
        _write_private(path, self.create(ADMIN, publish="", rights=RIGHTS) + "\n")

    def _of(self, user: str) -> tuple[tuple[bytes, Principal], ...]:
        ((version,),) = self._store.peek("PRAGMA data_version")
        if version != self._version:
            self._known.clear()
            self._version = version
        if user not in self._known:
            found = self._load(user)
            if not found:
                return found  # strangers are not remembered: their names have no bound
            self._known[user] = found
        return self._known[user]

    def _load(self, user: str) -> tuple[tuple[bytes, Principal], ...]:
        if not _USER.fullmatch(user):
            return ()
        rows = self._store.peek(_SELECT + " WHERE user = ?", (user,))
        return tuple((row[1], _key(row).principal) for row in rows)


_SELECT = "SELECT id, hash, user, publish, receive, rights, created FROM key"
_INSERT = "INSERT INTO key (user, hash, publish, receive, rights, created) VALUES (?, ?, ?, ?, ?, ?)"

_ENTITLE = "UPDATE key SET rights = ? WHERE id = ?"
_DELETE = "DELETE FROM key WHERE id = ?"


def _key(row: tuple[Any, ...]) -> Key:
    number, _, user, publish, receive, rights, created = row
    return Key(number, user, publish, receive, tuple(rights.split()), created)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _unlimited(text: str) -> Expression | None:
    """Parse, with None for what allows everything: the hub then need not ask at all."""
    return parse(text) if text.strip() else None


def _check_user(user: str) -> None:
    if not _USER.fullmatch(user):
        raise BadKey(
            f"{user[:80]!r} can't be a user: use 1 to 256 characters, without a slash or a line break "
            "in it or a space at either end."
        )
    if user.casefold() == HOUSE:
        raise BadKey(f"{user!r} can't be a user: Callboard's own events bear that name.")


def _check_rights(rights: Iterable[str]) -> None:
    for right in rights:
        if right not in RIGHTS:
            near = difflib.get_close_matches(right, sorted(RIGHTS), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(RIGHTS))}."
            raise BadKey(f"{right[:80]!r} is no right: {hint}")


def _write_private(path: Path, text: str) -> None:
    """Write so that the file is never there with other eyes on it, nor half written."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.touch(mode=0o600)
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StorageFailed(
            f"{path} can't be written: {error.strerror}. Look who may write there."
        ) from error
