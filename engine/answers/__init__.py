"""What answers are: one module a type, each of which reads an answer, spells it, and tells whether it is right."""
