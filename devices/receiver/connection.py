"""The link of a receiver to the broker that its identity names."""

from __future__ import annotations

from pathlib import Path

from devices.link.mqtt import MqttLink
from devices.receiver.identity import Identity, will

# A box is small, and what is lost here is asked for again: little is queued while it is offline.
QUEUE_MESSAGES = 1_000
QUEUE_BYTES = 4_194_304


def mqtt_link(identity: Identity) -> MqttLink:
    """With the receiver's name, password or client certificate, and last will; not started."""
    return MqttLink(
        host=identity.broker_host,
        port=identity.broker_port,
        client_id=identity.receiver,
        username=identity.receiver,
        password=identity.password,
        will=will(identity),
        tls_ca=identity.ca or (Path(identity.tls_ca) if identity.tls_ca else None),
        tls_client=(identity.certificate, identity.tls_key) if identity.certificate else None,
        # The CA is pinned; dates would need the time, which comes over this very link, signed.
        tls_dates=False,
        # Nothing rests on the broker's memory: a new connection says what is held and is given what is missing.
        clean=True,
        queue_messages=QUEUE_MESSAGES,
        queue_bytes=QUEUE_BYTES,
    )
