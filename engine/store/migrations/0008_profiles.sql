-- By which profile a reply was judged (the round's), since an average is made of the emissions of one; by which scores
-- were made last; and what embedded a round's texts.
ALTER TABLE rounds ADD COLUMN encoder TEXT NOT NULL DEFAULT '';
ALTER TABLE replies ADD COLUMN profile TEXT NOT NULL DEFAULT '';
UPDATE replies SET profile = (SELECT profile FROM rounds WHERE number = replies.round);
DROP INDEX samples;
CREATE INDEX samples ON replies (netuid, hotkey, round, at, emission, counted, profile);

ALTER TABLE score_rules ADD COLUMN profile TEXT NOT NULL DEFAULT '';
UPDATE score_rules SET profile = coalesce(
    (SELECT profile FROM rounds WHERE netuid = score_rules.netuid ORDER BY number DESC LIMIT 1), 'robust'
);
