"""What is asked: `kinds` of challenges with their hidden truth, and `sources` that challenges come from."""
