"""The doors: REST API, web console, command line, demo."""
