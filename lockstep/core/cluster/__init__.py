"""What two nodes of one venue decide about each other: whose log goes on, what the other one loses, and who leads."""
