"""Types of messages, resolved once and on one thread.

msgspec (0.22) works out what a struct's annotations mean at its first use. Two threads that do so at the same moment
crash the process: seen as a segmentation fault, one thread within `get_class_annotations`, another decoding the
half-made type. Modules that define structs therefore resolve them as they are imported, before any thread uses them.
"""

from __future__ import annotations

from typing import Any

import msgspec


def resolve(*kinds: Any) -> None:
    """Work these types out, with all that they hold."""
    for kind in kinds:
        msgspec.json.Decoder(kind)
