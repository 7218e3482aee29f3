"""REST under /api/v1: one module per kind of thing."""

from __future__ import annotations

from fastapi import APIRouter

from api.problems import responses


def api_router(name: str) -> APIRouter:
    """A router of this API: its tag, and the problems that any of its routes may answer with."""
    return APIRouter(tags=[name], responses=responses())
