"""The agent on the box at the commune. It imports nothing of the server."""
