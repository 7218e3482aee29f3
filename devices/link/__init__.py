"""The way between server and receivers; see `devices.link.contract` for what every link promises."""

from devices.link.contract import Delivery, Handler, Link, Message
from devices.link.memory import MemoryBroker, MemoryLink
from devices.link.mqtt import MqttLink

__all__ = ["Delivery", "Handler", "Link", "MemoryBroker", "MemoryLink", "Message", "MqttLink"]
