"""Two nodes of one venue: who leads, and how roles change."""
