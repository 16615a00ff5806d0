-- How alike the answers of a round are: engine.values.Likeness as msgpack. Beside the rounds, so that whoever reads
-- many of them does not read this; rounds of earlier versions have none.

CREATE TABLE likenesses (
    round INTEGER PRIMARY KEY REFERENCES rounds (number) ON DELETE CASCADE,
    value BLOB NOT NULL
);
