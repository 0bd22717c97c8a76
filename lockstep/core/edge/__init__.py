"""What edges have in common: who may connect, and why a port can't be opened."""
