"""Writes the next revision: what the model has and the revisions so far don't make."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from callboard.tracker.migrations import config_of, head

with tempfile.TemporaryDirectory() as folder:
    engine = create_engine(f"sqlite:///{Path(folder, 'tracker.db')}")
    following = f"{int(head()) + 1:04}"
    with engine.begin() as connection:
        config = config_of(connection)
        command.upgrade(config, "head")
        command.revision(config, " ".join(sys.argv[1:]) or "Tables", autogenerate=True, rev_id=following)
    engine.dispose()
