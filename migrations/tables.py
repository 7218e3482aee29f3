"""Every table of the project: who imports this has the whole of `Base.metadata`."""

from __future__ import annotations

import api.tables
import audio.lexicon.tables
import broadcast.choice_tables
import broadcast.recording_tables
import broadcast.release_tables
import broadcast.site_sound_tables
import broadcast.tables
import core.events
import core.units
import devices.tables
import schedules.calendar_tables
import schedules.rule_tables
import schedules.slot_tables
import schedules.tables
from core.database import Base

ROOMS = (
    core.units,
    core.events,
    audio.lexicon.tables,
    devices.tables,
    schedules.tables,
    schedules.calendar_tables,
    schedules.rule_tables,
    schedules.slot_tables,
    broadcast.tables,
    broadcast.recording_tables,
    broadcast.release_tables,
    broadcast.choice_tables,
    broadcast.site_sound_tables,
    api.tables,
)

metadata = Base.metadata
