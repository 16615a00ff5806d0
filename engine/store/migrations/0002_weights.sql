-- The journal of weights. A plan is written before it is sent, as "unknown", and settled afterwards.

CREATE TABLE plans (
    id INTEGER PRIMARY KEY,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    plan TEXT NOT NULL, -- JSON
    outcome TEXT NOT NULL, -- ok, rejected, unknown or skipped
    reason TEXT NOT NULL,
    block INTEGER NOT NULL DEFAULT 0, -- where the chain has it
    reference TEXT NOT NULL DEFAULT ''
);

CREATE INDEX plans_by_outcome ON plans (netuid, outcome, id);
