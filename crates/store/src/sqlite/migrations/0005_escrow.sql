-- Money of budgets that is set aside for nodes that share this store.

-- The latest life of each node.
CREATE TABLE escrow_node (
    node  TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL
) STRICT;

-- A chunk is here for as long as its money is set aside. Scopes as in `Scope::key`.
CREATE TABLE escrow (
    id                 BLOB PRIMARY KEY,
    budget             BLOB NOT NULL,
    kind               INTEGER NOT NULL,
    scope              TEXT NOT NULL,
    window_from_ms     INTEGER NOT NULL,
    window_until_ms    INTEGER NOT NULL,
    node               TEXT NOT NULL,
    epoch              INTEGER NOT NULL,
    amount_nanodollars INTEGER NOT NULL,
    used_nanodollars   INTEGER NOT NULL,
    expires_at_ms      INTEGER NOT NULL
) STRICT;

CREATE INDEX escrow_by_pot ON escrow (budget, kind, scope);
CREATE INDEX escrow_by_node ON escrow (node, epoch);
CREATE INDEX escrow_by_end ON escrow (expires_at_ms);
