-- The shape of callboard.db. Every room keeps tables of its own here, each with a file like this one:
-- a line `-- version N` starts the step from version N-1 to N. A step that was released never changes.

-- version 1
-- Which version of whose tables this file holds.
CREATE TABLE schema (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
