"""A trading venue that anyone can run."""
