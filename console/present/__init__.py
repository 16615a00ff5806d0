"""From values to what stands on the screen: pure functions, records to cells and snapshots to lines."""
