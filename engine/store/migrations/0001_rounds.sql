-- Rounds with their replies, and what is carried from one to the next. Times are unix seconds; columns that hold JSON
-- say so.

CREATE TABLE rounds (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    duration_ms REAL NOT NULL,
    block INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at REAL NOT NULL,
    answer_type TEXT NOT NULL,
    truth TEXT,
    profile TEXT NOT NULL,
    consensus REAL NOT NULL,
    agreement REAL NOT NULL,
    winner TEXT,
    clusters TEXT NOT NULL, -- JSON: lists of hotkeys
    request TEXT NOT NULL -- JSON
);

CREATE INDEX rounds_by_time ON rounds (at);

-- Netuid and time are the round's, so that one index holds all that the EMA is made of.
CREATE TABLE replies (
    round INTEGER NOT NULL REFERENCES rounds (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    uid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    coldkey TEXT NOT NULL,
    ip TEXT NOT NULL,
    status TEXT NOT NULL,
    ms REAL NOT NULL,
    quality REAL NOT NULL,
    score REAL NOT NULL,
    emission REAL NOT NULL,
    cluster TEXT NOT NULL,
    reason TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    parts TEXT NOT NULL, -- JSON: numbers by name
    reasons TEXT NOT NULL, -- JSON: texts
    usage TEXT NOT NULL, -- JSON: counts by name
    tool_calls TEXT NOT NULL, -- JSON: objects
    text TEXT NOT NULL,
    PRIMARY KEY (round, position)
);

CREATE INDEX samples ON replies (netuid, hotkey, at, emission, status);

-- Everyone who was registered or asked. The counts outlive the rounds that they were made from.
CREATE TABLE neurons (
    netuid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    coldkey TEXT NOT NULL,
    uid INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    registered INTEGER NOT NULL DEFAULT 1,
    seen_at REAL NOT NULL,
    rounds INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    failures_in_a_row INTEGER NOT NULL DEFAULT 0,
    last_answer_at REAL,
    last_emission REAL,
    PRIMARY KEY (netuid, hotkey)
) WITHOUT ROWID;

CREATE TABLE histories (
    netuid INTEGER NOT NULL,
    profile TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (netuid, profile)
);

CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

-- The rule of the EMA as the engine last used it, so that an export needs no configuration.
CREATE TABLE ema (
    netuid INTEGER PRIMARY KEY,
    alpha REAL NOT NULL,
    window_s REAL NOT NULL
);
