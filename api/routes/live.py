"""The live stream: asynchronous, because a thread for each open page would only wait."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from api.auth.guard import Needs, Principal
from api.auth.rights import Right
from api.live import Live
from api.routes import api_router

router = api_router("live")
Viewer = Annotated[Principal, Depends(Needs(Right.READ_TODAY))]


@router.get(
    "/live",
    summary="Word that something changed, as server-sent events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def live(request: Request, _who: Viewer) -> StreamingResponse:
    """An event `change` within half a second of each change of playouts, receivers or anything in the audit trail.

    Its `data` is `{"at": Unix ms}`; what changed is to be asked for. A stream ends after five minutes; come again.
    """
    stream: Live = request.app.state.live
    headers = {"X-Accel-Buffering": "no"}  # nginx would hold events back
    return StreamingResponse(stream.stream(), media_type="text/event-stream", headers=headers)
