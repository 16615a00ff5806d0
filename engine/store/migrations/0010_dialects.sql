-- In which dialect a miner was asked, "" where nobody noted it.
ALTER TABLE replies ADD COLUMN dialect TEXT NOT NULL DEFAULT '';
