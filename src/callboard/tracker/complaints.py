"""What a database complains of, in the words of the tracker: the same for SQLite and PostgreSQL."""

from __future__ import annotations

import re
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from callboard.tracker.refusals import Duplicate, InUse, Invalid, Refused, Unavailable

log = structlog.get_logger("callboard.tracker")

Fault = (SQLAlchemyError, OSError, TimeoutError)
"""What may be raised where a database is asked: a server that is away has no class of its own."""

_AGAIN: Final = ("40001", "40P01")
"""Transactions that PostgreSQL ended for the sake of others: they can be done again as they are."""

_KEYS: Final = re.compile(r"Key \((.*?)\)=")
_INVALID: Final = (
    "A value can't be stored as it is: a text with the character NUL, or a number that is too large."
)
_TOO_LONG: Final = "A text is too long for what it is: a name, a key or an id has at most some 2,000 bytes."
_MIXED: Final = "This compares values of different kinds: text with numbers or times."
_BUSY: Final = "Another program keeps the tracker's database to itself: send this again in a moment."
_SLOW: Final = "This took the database longer than a minute: ask for less at once."
_FAILED: Final = "The tracker's database could not do this; the hub's log says why."
_AWAY: Final = "The tracker's database can't be reached: send this again in a moment, or see whether it runs."
UNKNOWN: Final = (
    "The connection to the tracker's database was lost during the commit: look whether it was done "
    "before you send it again."
)
"""What is said where nobody knows the end of a transaction."""

_BY_STATE: Final = (
    ("54", Invalid, _TOO_LONG),
    ("22", Invalid, _INVALID),
    ("42883", Invalid, _MIXED),
    ("42804", Invalid, _MIXED),
    ("57014", Refused, _SLOW),
    ("55P03", Unavailable, _BUSY),
    ("SQLITE_INTERRUPT", Refused, _SLOW),
    ("SQLITE_BUSY", Unavailable, _BUSY),
    ("SQLITE_LOCKED", Unavailable, _BUSY),
)
"""PostgreSQL's SQLSTATE, or SQLite's name of an error, by its beginning."""


def is_lost(error: BaseException) -> bool:
    """Return whether there is no connection, so that another one may do."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _state(error).startswith(("08", "57P"))
    return isinstance(error, OSError | TimeoutError)


def is_passing(error: BaseException) -> bool:
    """Return whether the same may succeed a moment later, and nothing of it was done."""
    return is_lost(error) or (isinstance(error, DBAPIError) and _state(error) in _AGAIN)


def refusal_of(error: BaseException) -> Refused:
    """Return what the tracker says of a fault of its database; what is nobody's fault here is logged."""
    if isinstance(error, IntegrityError):
        return _integrity(error)
    state = _state(error) if isinstance(error, DBAPIError) else ""
    for beginning, kind, said in _BY_STATE:
        if state.startswith(beginning):
            return kind(said)
    if "invalid input for query argument" in str(error):  # asyncpg looks before PostgreSQL does
        return Invalid(_INVALID)
    log.error("the tracker's database failed", error=str(error)[:1000])
    return Unavailable(_AWAY if is_lost(error) else _FAILED)


def _integrity(error: IntegrityError) -> Refused:
    said = str(error.orig)
    if "unique" in said.lower():
        sent = f" This is about {', '.join(error.detail)}." if error.detail else ""
        columns = _columns(error, said) or "the key"
        return Duplicate(f"There is one like this already: {columns} must differ.{sent}")
    return InUse("An entity points to one that is not there: send them in one batch, or that one first.")


def _columns(error: IntegrityError, said: str) -> str:
    """Return the columns that must differ: SQLite names them, PostgreSQL in its detail."""
    found = _KEYS.search(getattr(error.orig, "detail", None) or "")
    if found is not None:
        return found[1]
    return ", ".join(name.rpartition(".")[2] for name in said.partition(": ")[2].split("\n")[0].split(", "))


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None) or "")
