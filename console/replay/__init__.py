"""Looking back: the record of a data folder as Snapshots of earlier instants, and a player that goes through them."""
