"""How a venue comes back: snapshots, the replay of the log, and an edge catching up."""
