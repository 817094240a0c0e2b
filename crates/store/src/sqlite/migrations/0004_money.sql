-- Who an installation is divided among, and what each part may spend and use. Records are kept as the JSON of their
-- domain types; the columns beside it are what uniqueness, order and reference need.

CREATE TABLE tenant (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

CREATE TABLE team (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE user (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE budget (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

-- `limit` is a word of SQL.
CREATE TABLE call_limit (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

-- Whom a row is attributed to besides its key, as numbers of `name`; tags as a JSON list of such numbers.
ALTER TABLE entry ADD COLUMN team     INTEGER;
ALTER TABLE entry ADD COLUMN user     INTEGER;
ALTER TABLE entry ADD COLUMN end_user INTEGER;
ALTER TABLE entry ADD COLUMN tags     TEXT;

-- What reports read, by quarters of an hour, so that the days of every zone can be made of them, and of teams and users
-- too (0 for nobody). Sums of what was there: amounts are cut to what fits into a sum, as below.
DROP TABLE rollup;
CREATE TABLE rollup (
    quarter          INTEGER NOT NULL,
    tenant           INTEGER NOT NULL,
    virtual_key      INTEGER NOT NULL,
    team             INTEGER NOT NULL,
    user             INTEGER NOT NULL,
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
    PRIMARY KEY (quarter, tenant, virtual_key, team, user, provider, credential, model, dialect, operation)
) STRICT, WITHOUT ROWID;
INSERT INTO rollup SELECT (at_ms - ((at_ms % 900000) + 900000) % 900000) / 900000, tenant, virtual_key, 0, 0,
        provider_name, credential, model, dialect, operation, count(*), sum(outcome <> 1), sum(source IN (2, 3)),
        sum(cost_nanodollars IS NULL), sum(outcome = 6), coalesce(sum(min(cost_nanodollars, 1000000000000)), 0),
        sum(min(input_uncached & 9223372036854775807, 1000000000)),
        sum(min(cache_read & 9223372036854775807, 1000000000)),
        sum(min(cache_write_5m & 9223372036854775807, 1000000000)),
        sum(min(cache_write_1h & 9223372036854775807, 1000000000)),
        sum(min(input_audio & 9223372036854775807, 1000000000)),
        sum(min(input_image & 9223372036854775807, 1000000000)),
        sum(min(output & 9223372036854775807, 1000000000)),
        sum(min(reasoning & 9223372036854775807, 1000000000)),
        sum(min(output_audio & 9223372036854775807, 1000000000)),
        sum(min(output_image & 9223372036854775807, 1000000000)),
        sum(min(images & 9223372036854775807, 1000000000)),
        sum(min(input_audio_ms & 9223372036854775807, 1000000000)),
        sum(min(input_characters & 9223372036854775807, 1000000000)),
        sum(min(searches & 9223372036854775807, 1000000000))
    FROM entry GROUP BY 1, 2, 3, 6, 7, 8, 9, 10;

-- What each scope used, by quarters of an hour, kept up to date in the transaction that adds the entries. The kind is a
-- number of `src/code.rs`; the scope is the key's own bits for a virtual key, and a number of `name` for all others.
CREATE TABLE spend (
    kind             INTEGER NOT NULL,
    scope            INTEGER NOT NULL,
    quarter          INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    cost_nanodollars INTEGER NOT NULL,
    unpriced         INTEGER NOT NULL,
    input_tokens     INTEGER NOT NULL,
    output_tokens    INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, quarter)
) STRICT, WITHOUT ROWID;

-- What was spent before there were scopes. Kinds: 1 global, 2 tenant, 6 virtual key, 8 provider, 9 provider key, 10 model.
-- Amounts are cut to what fits into a sum: a provider that once reported nonsense must not stop an upgrade.
INSERT INTO name (text) VALUES ('') ON CONFLICT (text) DO NOTHING;
INSERT INTO name (text)
    SELECT DISTINCT t.text || '/' || p.text || '/' || m.text
    FROM entry e JOIN name t ON t.id = e.tenant JOIN name p ON p.id = e.provider_name JOIN name m ON m.id = e.model
    WHERE true ON CONFLICT (text) DO NOTHING;
CREATE TABLE past (tenant, virtual_key, provider, credential, model, quarter, cost, input, output);
INSERT INTO past SELECT e.tenant, e.virtual_key, e.provider, e.credential, n.id,
        (e.at_ms - ((e.at_ms % 900000) + 900000) % 900000) / 900000,
        min(e.cost_nanodollars, 1000000000000),
        min(e.input_uncached & 9223372036854775807, 1000000000)
            + min(e.cache_read & 9223372036854775807, 1000000000)
            + min(e.cache_write_5m & 9223372036854775807, 1000000000)
            + min(e.cache_write_1h & 9223372036854775807, 1000000000)
            + min(e.input_audio & 9223372036854775807, 1000000000)
            + min(e.input_image & 9223372036854775807, 1000000000),
        min(e.output & 9223372036854775807, 1000000000)
            + min(e.reasoning & 9223372036854775807, 1000000000)
            + min(e.output_audio & 9223372036854775807, 1000000000)
            + min(e.output_image & 9223372036854775807, 1000000000)
    FROM entry e JOIN name t ON t.id = e.tenant JOIN name p ON p.id = e.provider_name JOIN name m ON m.id = e.model
    JOIN name n ON n.text = t.text || '/' || p.text || '/' || m.text;
INSERT INTO spend SELECT 1, (SELECT id FROM name WHERE text = ''), quarter, count(*), coalesce(sum(cost), 0),
    sum(cost IS NULL), sum(input), sum(output) FROM past GROUP BY quarter;
INSERT INTO spend SELECT 2, tenant, quarter, count(*), coalesce(sum(cost), 0), sum(cost IS NULL), sum(input), sum(output)
    FROM past GROUP BY tenant, quarter;
INSERT INTO spend SELECT 6, virtual_key, quarter, count(*), coalesce(sum(cost), 0), sum(cost IS NULL), sum(input),
    sum(output) FROM past GROUP BY virtual_key, quarter;
INSERT INTO spend SELECT 8, provider, quarter, count(*), coalesce(sum(cost), 0), sum(cost IS NULL), sum(input), sum(output)
    FROM past GROUP BY provider, quarter;
INSERT INTO spend SELECT 9, credential, quarter, count(*), coalesce(sum(cost), 0), sum(cost IS NULL), sum(input),
    sum(output) FROM past WHERE credential NOT IN (SELECT id FROM name WHERE text = 'pk_00000000000000000000000000')
    GROUP BY credential, quarter;
INSERT INTO spend SELECT 10, model, quarter, count(*), coalesce(sum(cost), 0), sum(cost IS NULL), sum(input), sum(output)
    FROM past GROUP BY model, quarter;
DROP TABLE past;
