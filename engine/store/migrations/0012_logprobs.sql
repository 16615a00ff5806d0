-- The log probabilities of a reply's tokens, as OpenAI puts them; 'null' where they were not asked for or not given.
ALTER TABLE replies ADD COLUMN logprobs TEXT NOT NULL DEFAULT 'null';
