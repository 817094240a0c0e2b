-- The ledger. Rows are added, never changed. The key is the attempt, so a row that comes twice is there once; request
-- ids begin with their time, so the key's order is the order of time and no index is needed beside it.
-- Texts that repeat (ids, names, models) are kept once, in `name`. Dialects, operations, outcomes and sources are the
-- numbers of `src/code.rs`.

CREATE TABLE name (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE entry (
    request              BLOB NOT NULL,
    attempt              INTEGER NOT NULL,
    at_ms                INTEGER NOT NULL,
    tenant               INTEGER NOT NULL,
    virtual_key          INTEGER NOT NULL,
    provider             INTEGER NOT NULL,
    provider_name        INTEGER NOT NULL,
    credential           INTEGER NOT NULL,
    credential_name      INTEGER NOT NULL,
    requested_model      INTEGER NOT NULL,
    model                INTEGER NOT NULL,
    dialect              INTEGER NOT NULL,
    operation            INTEGER NOT NULL,
    streamed             INTEGER NOT NULL,
    reserved_nanodollars INTEGER,
    price_version        INTEGER NOT NULL,
    outcome              INTEGER NOT NULL,
    status               INTEGER NOT NULL,
    source               INTEGER NOT NULL,
    cost_nanodollars     INTEGER,
    duration_us          INTEGER NOT NULL,
    first_content_us     INTEGER,
    overhead_us          INTEGER NOT NULL,
    input_uncached       INTEGER NOT NULL,
    cache_read           INTEGER NOT NULL,
    cache_write_5m       INTEGER NOT NULL,
    cache_write_1h       INTEGER NOT NULL,
    input_audio          INTEGER NOT NULL,
    input_image          INTEGER NOT NULL,
    output               INTEGER NOT NULL,
    reasoning            INTEGER NOT NULL,
    output_audio         INTEGER NOT NULL,
    output_image         INTEGER NOT NULL,
    images               INTEGER NOT NULL,
    input_audio_ms       INTEGER NOT NULL,
    input_characters     INTEGER NOT NULL,
    searches             INTEGER NOT NULL,
    raw_usage            TEXT,
    PRIMARY KEY (request, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusal (
    request         BLOB PRIMARY KEY,
    at_ms           INTEGER NOT NULL,
    tenant          INTEGER NOT NULL,
    virtual_key     INTEGER NOT NULL,
    requested_model TEXT NOT NULL,
    dialect         INTEGER NOT NULL,
    operation       INTEGER,
    code            TEXT NOT NULL,
    status          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What reports read: one row per hour and group, kept up to date in the transaction that adds the entries.
CREATE TABLE rollup (
    hour             INTEGER NOT NULL,
    tenant           INTEGER NOT NULL,
    virtual_key      INTEGER NOT NULL,
    provider         INTEGER NOT NULL,
    credential       INTEGER NOT NULL,
    model            INTEGER NOT NULL,
    dialect          INTEGER NOT NULL,
    operation        INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    estimated        INTEGER NOT NULL,
    unpriced         INTEGER NOT NULL,
    unsettled        INTEGER NOT NULL,
    cost_nanodollars INTEGER NOT NULL,
    input_uncached   INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    input_audio      INTEGER NOT NULL,
    input_image      INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    reasoning        INTEGER NOT NULL,
    output_audio     INTEGER NOT NULL,
    output_image     INTEGER NOT NULL,
    images           INTEGER NOT NULL,
    input_audio_ms   INTEGER NOT NULL,
    input_characters INTEGER NOT NULL,
    searches         INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, virtual_key, provider, credential, model, dialect, operation)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_total (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    entries          INTEGER NOT NULL,
    cost_nanodollars INTEGER NOT NULL,
    unpriced         INTEGER NOT NULL,
    unsettled        INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_total (one, entries, cost_nanodollars, unpriced, unsettled) VALUES (1, 0, 0, 0, 0);
