-- In which words a miner was asked, '' for those of the challenge.
ALTER TABLE replies ADD COLUMN prompt TEXT NOT NULL DEFAULT '';
