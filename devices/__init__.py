"""Receivers and the way to them: the protocol, the link, the embedded broker, the agent, the simulated fleet."""
