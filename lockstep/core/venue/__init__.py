"""What a venue is made of on one host: its processes and rings, its shared memory, and where stages leave state."""
