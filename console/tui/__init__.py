"""The application on a terminal. It pulls pictures of the engine, and the engine never waits for it."""
