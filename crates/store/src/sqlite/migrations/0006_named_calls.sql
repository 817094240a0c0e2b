-- Calls that were made under an `Idempotency-Key`, so that they are not made again after a restart. Digests only: what the
-- client sent cannot be read back.

CREATE TABLE named_call (
    name        BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    request     BLOB NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    settled     INTEGER NOT NULL
) STRICT;

CREATE INDEX named_call_by_end ON named_call (ended_at_ms);
