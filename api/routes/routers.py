"""Every router of the API, in the order of its description."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    account,
    bulletins,
    calendar,
    campaigns,
    commands,
    events,
    feeds,
    lexicon,
    live,
    local_days,
    mergers,
    occurrences,
    places,
    playouts,
    programmes,
    recordings,
    rules,
    schedules,
    units,
    users,
    voices,
)

ROUTERS: tuple[APIRouter, ...] = (
    account.router,
    users.router,
    units.units,
    units.groups,
    mergers.router,
    places.receivers,
    campaigns.dispatches,
    campaigns.campaigns,
    bulletins.router,
    recordings.router,
    voices.router,
    lexicon.router,
    programmes.router,
    schedules.schedules,
    schedules.airings,
    rules.router,
    calendar.router,
    local_days.router,
    occurrences.router,
    feeds.router,
    playouts.playouts,
    playouts.airtime,
    commands.router,
    events.router,
    live.router,
)
