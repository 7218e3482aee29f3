"""Errors as pages, for a person who looks at one."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import URL

from api.pages.templating import page
from api.problems import Trouble

# Under these nobody but programs ask.
PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/static/", "/internal/")

TITLES: dict[int, str] = {
    403: "Tài khoản này không làm được việc đó",
    404: "Không có trang này",
    405: "Trang này không mở theo cách đó",
    409: "Việc này không làm được lúc này",
    413: "Dữ liệu gửi lên quá lớn",
    422: "Có chỗ chưa đúng",
    429: "Hãy chờ một lát",
    503: "Hệ thống chưa sẵn sàng",
    507: "Ổ đĩa đã đầy",
}


def wants_page(request: Request) -> bool:
    return not request.url.path.startswith(PROGRAMS)


def as_page(request: Request, trouble: Trouble) -> Response:
    """The trouble as a page; whoever isn't logged in is sent to log in and comes back after it."""
    if trouble.status == 401:
        # A form's address opens no page: back to the page where it stood, which has kept what was typed.
        asked = request.url if request.method in {"GET", "HEAD"} else URL(request.headers.get("referer", "/"))
        back = asked.path or "/"
        if asked.query:
            back += f"?{asked.query}"
        return RedirectResponse(f"/dang-nhap?tiep={quote(back, safe='')}", 303)
    title = TITLES.get(trouble.status, "Hệ thống gặp lỗi" if trouble.status >= 500 else "Yêu cầu chưa đúng")
    response = page(request, "error.html", status=trouble.status, title=title, trouble=trouble)
    response.headers.update(trouble.headers)
    return response
