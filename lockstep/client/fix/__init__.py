"""FIX 4.2 and 4.4 as a client speaks it: messages, a session without I/O, and a connection with orders."""
