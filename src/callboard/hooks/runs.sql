-- What hooks did and what they still have to do. Positions are text, as the outside sees them.

-- version 1
-- How far the log has been read: moves in the same transaction that stores what was read.
CREATE TABLE hook_cursor (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position TEXT NOT NULL
) STRICT;

-- The hooks that have begun to listen: a new one starts at the head of the log, at `position`.
CREATE TABLE hook_known (
    name     TEXT PRIMARY KEY,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A run, from the moment its event was read. `event` is the event's JSON as long as it may be needed.
CREATE TABLE hook_run (
    id       INTEGER PRIMARY KEY,
    hook     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    position TEXT NOT NULL,
    origin   TEXT NOT NULL DEFAULT '',
    topic    TEXT NOT NULL,
    event_id TEXT NOT NULL,
    time     REAL NOT NULL,
    key      TEXT NOT NULL DEFAULT '',
    scope    TEXT NOT NULL DEFAULT '',
    merge    TEXT,
    merged   INTEGER NOT NULL DEFAULT 0,
    state    TEXT NOT NULL,
    due      REAL NOT NULL DEFAULT 0,
    after    REAL NOT NULL DEFAULT 0,
    attempt  INTEGER NOT NULL DEFAULT 0,
    repeats  INTEGER NOT NULL DEFAULT 0,
    queued   REAL NOT NULL,
    started  REAL,
    ended    REAL,
    command  TEXT NOT NULL DEFAULT '',
    exit     INTEGER,
    head     BLOB,
    tail     BLOB,
    size     INTEGER NOT NULL DEFAULT 0,
    reason   TEXT NOT NULL DEFAULT '',
    event    BLOB
) STRICT;
CREATE UNIQUE INDEX hook_run_once ON hook_run (hook, position, origin);
CREATE INDEX hook_run_queued ON hook_run (hook, due, id) WHERE state = 'queued';
CREATE INDEX hook_run_gathering ON hook_run (hook, merge) WHERE state = 'queued' AND merge IS NOT NULL;
CREATE INDEX hook_run_running ON hook_run (state) WHERE state = 'running';
CREATE INDEX hook_run_dead ON hook_run (hook, id) WHERE state = 'dead';
CREATE INDEX hook_run_ended ON hook_run (ended) WHERE ended IS NOT NULL;
