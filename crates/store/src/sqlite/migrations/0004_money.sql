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
        min(e.input_uncached, 1000000000) + min(e.cache_read, 1000000000) + min(e.cache_write_5m, 1000000000)
            + min(e.cache_write_1h, 1000000000) + min(e.input_audio, 1000000000) + min(e.input_image, 1000000000),
        min(e.output, 1000000000) + min(e.reasoning, 1000000000) + min(e.output_audio, 1000000000)
            + min(e.output_image, 1000000000)
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
