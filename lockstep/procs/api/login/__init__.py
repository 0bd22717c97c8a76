"""Who is at the other end: passwords, one-time codes, people's sessions and the tokens that stand for them."""
