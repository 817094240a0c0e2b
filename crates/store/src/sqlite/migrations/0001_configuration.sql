-- Everything that configuration is made of, and the audit log. Each record is kept as the JSON of its domain type;
-- the columns beside it are what uniqueness, order and reference need.

CREATE TABLE state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    install  TEXT
) STRICT;
INSERT INTO state (one, revision, install) VALUES (1, 0, NULL);

CREATE TABLE vault (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE provider (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE credential (
    id       TEXT PRIMARY KEY,
    provider TEXT NOT NULL REFERENCES provider (id),
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (provider, name)
) STRICT;

CREATE TABLE virtual_key (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE admin_token (
    id       TEXT PRIMARY KEY,
    token    TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

CREATE TABLE alias (
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT;

CREATE TABLE price (
    tenant   TEXT NOT NULL,
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (tenant, provider, model)
) STRICT;

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL,
    at_ms   INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    tenant  TEXT NOT NULL,
    action  TEXT NOT NULL,
    object  TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
