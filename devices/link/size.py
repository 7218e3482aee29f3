"""How large a publication may be.

A broker cuts the connection of a client whose packet is beyond its limit (`max_packet_size` 1,200,000 in our
mosquitto.conf, the same in the embedded one), and a link would send the message again at the next connection, for ever,
with all that waits behind it. So what is beyond the protocol's own limit is refused before it is queued.
"""

from __future__ import annotations

import logging

from devices.protocol.signing import MESSAGE_BYTES_MAX

# Topic and payload together: the longest signed message and room for its topic (the longest of ours has 90 bytes).
# With MQTT's own header of a dozen bytes it stays well below the brokers' limit.
PUBLICATION_BYTES_MAX = MESSAGE_BYTES_MAX + 1_024

log = logging.getLogger(__name__)


class Scale:
    """Weighs the publications of one link; the first that is too large is logged."""

    def __init__(self) -> None:
        self._said = False

    def takes(self, topic: str, payload: bytes) -> bool:
        """May it be published? At most `PUBLICATION_BYTES_MAX` bytes of topic and payload."""
        size = len(topic.encode("utf-8", "replace")) + len(payload)
        if size <= PUBLICATION_BYTES_MAX:
            return True
        if not self._said:
            self._said = True
            log.error(
                "A publication of %d bytes was refused: at most %d are sent. More such are not logged.",
                size,
                PUBLICATION_BYTES_MAX,
                extra={"topic": topic[:200]},
            )
        return False
