"""Backups of a venue: what one contains, where it lies, how it is made, proven and put back."""
