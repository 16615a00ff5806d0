"""Work that processes hand to each other, and what they share: in one process, or over Redis past one machine."""
