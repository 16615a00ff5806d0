-- Whether a reply is a sample of its miner's score, or why not (Round.counted), and which rounds were not to be scored.
ALTER TABLE rounds ADD COLUMN scored INTEGER NOT NULL DEFAULT 1;
ALTER TABLE replies ADD COLUMN counted TEXT NOT NULL DEFAULT 'yes';
UPDATE replies SET counted = iif(status = 'cancelled', 'cancelled', 'ignored') WHERE NOT sample;
DROP INDEX samples;
ALTER TABLE replies DROP COLUMN sample;
CREATE INDEX samples ON replies (netuid, hotkey, round, at, emission, counted);

-- The rule by which the engine last made scores, so that an export needs no configuration.
CREATE TABLE score_rules (
    netuid INTEGER PRIMARY KEY,
    rule TEXT NOT NULL -- JSON
);
INSERT INTO score_rules
SELECT netuid, json_object('type', 'exponential', 'alpha', alpha, 'window_s', window_s) FROM ema;
DROP TABLE ema;
