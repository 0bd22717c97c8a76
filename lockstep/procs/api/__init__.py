"""The api: trading over REST and WebSocket, private streams, and what the venue has to say of itself over HTTP."""
