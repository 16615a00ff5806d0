"""The families of tasks that the kind `chat` draws from. Each takes a random generator and gives a `Task`."""
