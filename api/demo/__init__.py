"""The whole system on one machine, from a dispatch to airtime, with simulated receivers that play in real time."""

from api.demo.run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
