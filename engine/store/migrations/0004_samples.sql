-- Which replies are samples of their miner's score (Round.is_sample).
ALTER TABLE replies ADD COLUMN sample INTEGER NOT NULL DEFAULT 1;
UPDATE replies SET sample = 0 WHERE status = 'cancelled';
DROP INDEX samples;
CREATE INDEX samples ON replies (netuid, hotkey, round, at, emission, sample);
