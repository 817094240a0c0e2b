-- What pools remember: how fit each provider key is, how it came to that, which account holds what, and which keys are
-- on loan. Keys are named by the 16 bytes of their id and not referred to, because keys that the config file owns are in
-- no table, and events outlive their key. `body` is the JSON of the domain's type; the columns beside it are what order
-- and questions need.

-- One row for each key and model against which something is known; an empty model stands for the key as a whole.
CREATE TABLE key_standing (
    credential BLOB NOT NULL,
    model      TEXT NOT NULL,
    since_ms   INTEGER NOT NULL,
    until_ms   INTEGER,
    body       TEXT NOT NULL,
    PRIMARY KEY (credential, model)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT, so that a position that was forgotten is not given to another event.
CREATE TABLE key_event (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    credential BLOB NOT NULL,
    at_ms      INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX key_event_by_key ON key_event (credential);
CREATE INDEX key_event_by_time ON key_event (at_ms, credential);

CREATE TABLE binding (
    hash       BLOB PRIMARY KEY,
    credential BLOB NOT NULL,
    at_ms      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX binding_by_time ON binding (at_ms);

CREATE TABLE lease (
    id            BLOB PRIMARY KEY,
    state         TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    body          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_by_expiry ON lease (state, expires_at_ms);
