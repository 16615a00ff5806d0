"""The backends that answer questions, one module each: they share one interface and are opened by name."""
