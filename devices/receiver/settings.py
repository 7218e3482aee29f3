"""What may differ between boxes, with defaults that suit a box at a commune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CAPABILITIES = (
    "plan",
    "play-now",
    "stop",
    "volume",
    "mute",
    "test-tone",
    "refresh",
    "restart",
    "rotate",
    "update",
    "resume",
)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Spans are in the unit of their name; `_ms` of what the protocol counts, `_s` of what only the agent sees."""

    # Playing
    grace_ms: int = 2_000  # an airing that could not start this soon after its time is missed, not joined
    prepare_ms: int = 5_000  # decoding begins this long before a start
    last_call_ms: int = 1_000  # audio that is not there this long before a start is not waited for
    fade_ms: int = 200
    # Time
    time_fast_s: float = 2.0  # between requests at first, then ever longer, up to `time_slow_s`
    time_slow_s: float = 60.0
    clock_error_max_ms: float = 120_000.0  # beyond this the time is no longer trusted, and the box is silent
    # Audio objects
    quota_bytes: int = 2_000_000_000
    fetch_jitter_s: float = 20.0  # a fetch begins at a random moment of this span, sooner where it is urgent
    chunk_timeout_s: float = 10.0  # doubles with each attempt, up to `chunk_timeout_max_s`
    chunk_timeout_max_s: float = 300.0
    # Records
    batch_records: int = 100
    batches_ahead: int = 5  # batches under way without an acknowledgement
    ack_timeout_s: float = 20.0  # doubles, up to `ack_timeout_max_s`
    ack_timeout_max_s: float = 600.0
    keep_days: int = 90
    synchronous: Literal["FULL", "OFF"] = "FULL"  # OFF only for simulated receivers, where no power is cut
    # Software
    update_clear_ms: int = 600_000  # a new release is tried when nothing sounds for at least so long
    proof_s: float = 10.0  # how long a release on trial must have worked
    # Presence
    status_s: float = 60.0
    refusals_per_minute: int = 20  # reports of refused messages; more are counted, not sent
    machine: str | None = None  # digest of this machine; None: read from it


DEFAULTS = AgentSettings()
