"""The screen: everything that imports Textual. It pulls pictures of the engine, and the engine never waits for it."""
