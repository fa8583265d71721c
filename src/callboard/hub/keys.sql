-- version 1
-- API keys. The key itself is never stored: `hash` is the SHA-256 of its text.
-- `publish` and `receive` are expressions; null is the default (see principal.py).
CREATE TABLE key (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user    TEXT NOT NULL,
    hash    BLOB NOT NULL UNIQUE,
    publish TEXT,
    receive TEXT,
    rights  TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX key_user ON key (user);
