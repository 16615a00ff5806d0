-- The wrong answers that a question tempts to (JSON), so that a recorded round is judged again as it was.
ALTER TABLE rounds ADD COLUMN lures TEXT NOT NULL DEFAULT '[]';
