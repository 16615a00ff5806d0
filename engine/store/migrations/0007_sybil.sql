-- Suspected of being one: whose penalty the operator holds back, and the window in which it was first shown.
CREATE TABLE penalties (
    netuid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    held INTEGER NOT NULL,
    shown INTEGER,
    PRIMARY KEY (netuid, hotkey)
) WITHOUT ROWID;
