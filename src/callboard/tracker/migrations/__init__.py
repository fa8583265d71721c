"""Migrations: how the tables of each version become those of the next, one revision a module in `versions/`.

`callboard serve` goes through them by itself (tracker/upkeep.py). A change of the model needs a new one:

    .venv/bin/python -m callboard.tracker.migrations "Tasks have a colour"

writes it by comparing the model with what the revisions so far make; then `./dev fmt`. Read it before you
commit it: a column that is renamed looks like one that is gone and one that is new, and what is new is empty
in rows that are there.
"""

from __future__ import annotations

from typing import Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

TABLE: Final = "callboard_tracker_version"
"""Where a database says which revision it has; others may keep theirs in the same database."""


def config_of(connection: Connection | None = None) -> Config:
    """Return the configuration for Alembic's commands, which will use that connection and its transaction."""
    config = Config()
    config.set_main_option("script_location", "callboard.tracker:migrations")
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest revision that this version knows."""
    found = ScriptDirectory.from_config(config_of()).get_current_head()
    assert found is not None
    return found


def known() -> frozenset[str]:
    """Return all revisions that this version knows."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(config_of()).walk_revisions())


def current(connection: Connection) -> str | None:
    """Return the revision that a database has; None if it has none yet."""
    return MigrationContext.configure(connection, opts={"version_table": TABLE}).get_current_revision()
