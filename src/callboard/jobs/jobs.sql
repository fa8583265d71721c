-- Background jobs: what is to be done, and who does it. How long a lease still is stands in memory only, so
-- that neither a clock that is set nor a restart of the hub takes a job from a worker that lives.

-- version 1
CREATE TABLE job (
    id       TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,
    payload  TEXT NOT NULL,            -- JSON: what is to be done
    source   TEXT NOT NULL,            -- JSON: the source of the events that tell of it
    state    TEXT NOT NULL,            -- waiting, taken, done or failed
    attempts INTEGER NOT NULL DEFAULT 0,
    worker   TEXT NOT NULL DEFAULT '', -- who has it, or had it last
    lease    TEXT NOT NULL DEFAULT '', -- what proves that
    result   TEXT NOT NULL DEFAULT '{}',
    created  REAL NOT NULL             -- seconds since 1970
) STRICT;
CREATE INDEX job_by_state ON job (state, created);

-- version 2
-- What the room that put a job has heard of it: nothing, that it has begun, or how it ended.
ALTER TABLE job ADD COLUMN heard TEXT NOT NULL DEFAULT '';
UPDATE job SET heard = 'begun' WHERE attempts > 0;
