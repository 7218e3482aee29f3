"""The web application: `create_app(context)` puts the API, the console and the health checks together."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from api import health, problems
from api.auth.guard import public
from api.context import Context
from api.live import Live
from api.metrics import Metrics
from api.middleware import Outermost
from api.pages import routes as pages
from api.routes import broker, feeds
from api.routes.routers import ROUTERS
from api.turns import Renderings, Turns
from api.uploads import Arrivals
from audio.recordings.originals import BYTES_MAX, Originals

API = "/api/v1"

# The longest bulletin has 8000 characters, the longest dispatch 400,000 of up to three bytes; nothing else comes near.
BODY_BYTES_MAX = 1_500_000

UPLOADS = re.compile(rf"{API}/(bulletins/[^/]+/recordings|sounds)")  # sound files may come here

DESCRIPTION = """
Từ văn bản chỉ đạo tới loa xã, và ngược lại tới thời lượng phát chứng minh được.

**Logging in.** Browsers log in and hold a cookie; programs send `Authorization: Bearer tt_…` with a token made under
`/me/tokens`. Every route says in its description which right it asks for.

**Errors** are problems as of RFC 9457 (`application/problem+json`) with a stable `type`; `detail` is Vietnamese and
`en` English, or with `Accept-Language: en` the other way round.

**Times** are RFC 3339 with a zone; durations are milliseconds. **Lists** come in pages: hand `next` in as `after`.
"""

TAGS = [
    {"name": "account", "description": "Logging in, the own sessions and tokens"},
    {"name": "users", "description": "Accounts, for the administrator"},
    {"name": "units", "description": "Đơn vị hành chính: the tree of administrative units"},
    {"name": "unit-groups", "description": "Cụm xã, khu vực: named and dated groups of units"},
    {"name": "mergers", "description": "Sáp nhập: several units become one on a date"},
    {"name": "receivers", "description": "Bộ thu: enrolled boxes and their presence"},
    {"name": "dispatches", "description": "Văn bản chỉ đạo: instructions from above and what is read out of them"},
    {"name": "campaigns", "description": "Đợt tuyên truyền"},
    {"name": "bulletins", "description": "Bản tin: written, spoken, submitted, approved"},
    {"name": "voices", "description": "Giọng đọc: what there is, and leave for those that send text outside"},
    {"name": "lexicon", "description": "Từ điển cách đọc: how the names of a place are said"},
    {"name": "recordings", "description": "Bản thu âm: originals, what is wrong with them, trimming and joining"},
    {"name": "programmes", "description": "Chương trình phát thanh: approved items in order"},
    {"name": "rules", "description": "Quy định phát: cái gì được phát khi nào"},
    {"name": "schedules", "description": "Lịch phát thanh"},
    {"name": "local-days", "description": "Ngày riêng của địa phương: markets, funerals, exam weeks of one place"},
    {"name": "feeds", "description": "Lịch theo dõi: a unit's timetable as a calendar at a secret address"},
    {"name": "heard", "description": "Nghe gì, ở đâu, lúc nào"},
    {"name": "offers", "description": "Đề nghị phát, tiếp nhận thường xuyên, thứ tự ưu tiên"},
    {"name": "sessions", "description": "Buổi phát, khung mục: standing frames of slots that are filled by date"},
    {"name": "airings", "description": "Lần phát: occurrences of schedules"},
    {"name": "playouts", "description": "Lượt phát theo bộ thu: what was planned beside what happened"},
    {"name": "sounds", "description": "Nhạc hiệu, nhạc: the project's chimes, and what the site handed in"},
    {"name": "airtime", "description": "Thời lượng phát: proven minutes per unit"},
    {"name": "commands", "description": "Lệnh: what receivers were told to do at once, and their answers"},
    {"name": "releases", "description": "Phần mềm của bộ thu: signed releases, rolled out in stages"},
    {"name": "events", "description": "Nhật ký thao tác: the audit trail"},
    {"name": "live", "description": "Word that something changed"},
    {"name": "health", "description": "For load balancers and monitoring"},
]


def create_app(context: Context) -> FastAPI:
    """The application over what it is given. `app.state.live.close()` ends its open streams, from any thread."""
    live = Live(context)
    metrics = Metrics(context)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        live.close()

    app = FastAPI(
        title=context.settings.site_name,
        version="1",
        summary="The loudspeaker network of a province",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        # The framework's own pages load scripts from elsewhere, which ours never do.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context, app.state.live, app.state.metrics = context, live, metrics
    app.state.renders = Turns()
    app.state.originals = Originals(context.settings.originals)
    app.state.renderings = Renderings()
    app.state.arrivals = Arrivals()
    app.router.routes.extend(_routes())
    problems.install(app)
    app.add_middleware(
        Outermost,
        metrics=metrics,
        secure=context.settings.secure_cookies,
        body_bytes_max=BODY_BYTES_MAX,
        uploads=UPLOADS,
        upload_bytes_max=BYTES_MAX,
        on_error=problems.answer,
    )
    return app


@cache
def _routes() -> Sequence[BaseRoute]:
    """All doors. What the framework works out about each at its first request, a second in all, is kept with them: made
    once a process, it isn't done again for the next application.
    """
    whole = APIRouter()
    for router in ROUTERS:
        whole.include_router(router, prefix=API)
    whole.include_router(_description(), prefix=API)
    for router in (broker.router, feeds.calendar_router, health.router, pages.router):
        whole.include_router(router)
    return whole.routes


def _description() -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], include_in_schema=False)

    @router.get("/openapi.json")
    def openapi(request: Request) -> Response:
        app: FastAPI = request.app
        return JSONResponse(app.openapi(), headers={"Cache-Control": "no-cache"})

    return router
