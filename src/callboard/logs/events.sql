-- events.db: the log. Each part begins with its name; sqlite.py runs them by it.

-- name: schema
-- One row is a block: the entries of one commit, or of a part of it, positions
-- first..last without a hole, all stamped with the same time. `publishers` and `events` are
-- JSON arrays of the same length. A row an entry costs five times the processor time (decision 0004).
CREATE TABLE blocks (
    last       INTEGER PRIMARY KEY,
    first      INTEGER NOT NULL,
    time       REAL NOT NULL,
    publishers BLOB NOT NULL,
    events     BLOB NOT NULL
);
CREATE TABLE cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
-- For people: sqlite3 -readonly events.db "SELECT * FROM entries WHERE position > 100 LIMIT 10"
CREATE VIEW entries AS
    SELECT
        first + key                                                            AS position,
        time,
        json_extract(CAST(publishers AS TEXT), '$[' || key || ']')             AS publisher,
        json_extract(value, '$.topic')                                         AS topic,
        value                                                                  AS event
    FROM blocks, json_each(CAST(events AS TEXT));

-- name: identify
INSERT INTO meta (name, value) VALUES ('id', ?);

-- name: id
SELECT value FROM meta WHERE name = 'id';

-- name: bounds
-- The oldest position, the newest one and its time.
SELECT (SELECT first FROM blocks ORDER BY last LIMIT 1), last, time FROM blocks ORDER BY last DESC LIMIT 1;

-- name: append
-- One statement, hence one transaction and one step, for all blocks of a commit.
INSERT INTO blocks (last, first, time, publishers, events) VALUES (?, ?, ?, ?, ?)

-- name: read
SELECT first, time, publishers, events FROM blocks WHERE last > ? ORDER BY last;

-- name: position_at
-- Blocks in the order of positions are in the order of times too: no index is needed.
SELECT last, first, time FROM blocks WHERE last >= ? ORDER BY last LIMIT 1;

-- name: oldest
-- The oldest blocks that end before a position, with their number of entries and of bytes.
SELECT last, last - first + 1, length(events) FROM blocks WHERE last < ? ORDER BY last LIMIT ?;

-- name: delete
DELETE FROM blocks WHERE last <= ?;

-- name: straddling
-- The block that holds a position which is not its first.
SELECT last, first, publishers, events FROM blocks WHERE last >= ?1 AND first < ?1 ORDER BY last LIMIT 1;

-- name: shorten
UPDATE blocks SET first = ?2, publishers = ?3, events = ?4 WHERE last = ?1;

-- name: forgotten
-- What a pruned log remembers of itself: positions go on where they were.
INSERT INTO meta (name, value) VALUES ('last', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: remembered
SELECT value FROM meta WHERE name = 'last';

-- name: cursors
SELECT name, position FROM cursors;

-- name: move
-- All moved cursors at once, from a JSON object of positions; never back.
INSERT INTO cursors (name, position) SELECT key, value FROM json_each(?) WHERE true
    ON CONFLICT (name) DO UPDATE SET position = max(position, excluded.position);

-- name: drop
DELETE FROM cursors WHERE name = ?;
