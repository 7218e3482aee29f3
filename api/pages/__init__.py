"""The console: pages drawn by the server, with their own style and a little script."""
