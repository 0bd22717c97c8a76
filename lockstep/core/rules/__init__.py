"""Rules that several stages share: which terms an order may have, and what a credential proves."""
