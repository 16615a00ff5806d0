"""What answers the questions, a module a backend: they share one interface and are opened by name."""
