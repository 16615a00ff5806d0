-- Nonces that must not be accepted again before `until`, and what the operator had done.

CREATE TABLE nonces (
    key TEXT PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;

CREATE INDEX nonces_by_end ON nonces (until);

CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
);
