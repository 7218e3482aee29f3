"""Errors as RFC 9457 problems: one shape for everything that goes wrong under /api.

`type` is a stable relative address (`/problems/<slug>`), `title` and `detail` are Vietnamese, and `en` says the
same in English; `Accept-Language: en` turns them round (`vi` beside English). What we did not foresee becomes a 500
that shows no internals, only an `id` that stands in the log too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from core.errors import TruyenThanhError
from core.ids import new_id

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# So much of what came in is echoed, at most: an answer must not grow with what was sent.
ERRORS_MOST = 50
POINTER_MOST = 200
PATH_MOST = 500

# What the framework raises by itself, and what we say about it.
TITLES: dict[int, tuple[str, str, str]] = {
    400: ("bad-request", "Yêu cầu chưa đúng", "Bad request"),
    401: ("not-logged-in", "Chưa đăng nhập", "Not logged in"),
    403: ("forbidden", "Không có quyền", "Forbidden"),
    404: ("not-found", "Không tìm thấy", "Not found"),
    405: ("method-not-allowed", "Không dùng được cách gọi này", "Method not allowed"),
    409: ("conflict", "Không làm được lúc này", "Conflict"),
    413: ("too-large", "Dữ liệu gửi lên quá lớn", "Too large"),
    415: ("unsupported-media-type", "Loại dữ liệu không dùng được", "Unsupported media type"),
    416: ("range-not-satisfiable", "Đoạn yêu cầu nằm ngoài tệp", "Range not satisfiable"),
    422: ("invalid", "Dữ liệu chưa đúng", "Invalid input"),
    429: ("too-many-attempts", "Thử quá nhiều lần", "Too many attempts"),
    500: ("internal", "Lỗi trong hệ thống", "Internal error"),
    503: ("unavailable", "Chưa sẵn sàng", "Unavailable"),
    507: ("disk-full", "Ổ đĩa đã đầy", "Disk full"),
}

DETAILS: dict[int, tuple[str, str]] = {
    400: (
        "Máy chủ không đọc được yêu cầu. Hãy kiểm tra dữ liệu gửi lên.",
        "The request can't be read. Check what was sent.",
    ),
    404: ("Không có địa chỉ này. Hãy kiểm tra lại đường dẫn.", "There is nothing at this address. Check the path."),
    405: ("Địa chỉ này không nhận cách gọi đó.", "This address doesn't take that method."),
    413: ("Dữ liệu gửi lên vượt giới hạn. Hãy gửi tệp nhỏ hơn.", "The body is over the limit. Send less."),
}

# pydantic's kinds of error that people meet, in Vietnamese; the rest get a plain sentence.
_FIELD_VI: dict[str, str] = {
    "missing": "còn thiếu",
    "string_too_short": "cần ít nhất {min_length} ký tự",
    "string_too_long": "dài quá {max_length} ký tự",
    "too_short": "cần ít nhất {min_length} mục",
    "too_long": "nhiều quá {max_length} mục",
    "greater_than_equal": "phải từ {ge} trở lên",
    "less_than_equal": "không được quá {le}",
    "greater_than": "phải lớn hơn {gt}",
    "less_than": "phải nhỏ hơn {lt}",
    "int_parsing": "phải là số nguyên",
    "int_type": "phải là số nguyên",
    "float_parsing": "phải là số",
    "bool_parsing": "phải là đúng hoặc sai",
    "string_type": "phải là chữ",
    "list_type": "phải là danh sách",
    "literal_error": "phải là một trong: {expected}",
    "enum": "phải là một trong: {expected}",
    "extra_forbidden": "không có trong mẫu",
    "control_character": "có ký tự điều khiển, không lưu được; hãy xóa rồi gõ lại chỗ đó",
    "year_out_of_range": "phải trong khoảng từ năm {first} đến năm {last}",
    "json_invalid": "không phải JSON hợp lệ",
    "timezone_aware": "cần có múi giờ, ví dụ 2026-07-30T17:00:00+07:00",
    "date_from_datetime_parsing": "không phải ngày hợp lệ (năm-tháng-ngày)",
    "date_parsing": "không phải ngày hợp lệ (năm-tháng-ngày)",
    "datetime_parsing": "không phải thời điểm hợp lệ",
    "datetime_from_date_parsing": "không phải thời điểm hợp lệ",
    "time_parsing": "không phải giờ hợp lệ (giờ:phút)",
}


class FieldProblem(BaseModel):
    """One thing that is wrong with one field."""

    pointer: str = Field(description="JSON Pointer into the body, or the parameter as `?name`", examples=["/title"])
    detail: str = Field(description="What is wrong, in the language asked for", examples=["còn thiếu"])


class Problem(BaseModel):
    """An RFC 9457 problem."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable name of the kind of problem", examples=["/problems/not-found"])
    title: str = Field(description="The kind, in few words", examples=["Không tìm thấy"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened and what to do")
    instance: str = Field(description="Path of the request", examples=["/api/v1/bulletins/01J0"])
    en: str | None = Field(None, description="`detail` in English, where `detail` is Vietnamese")
    vi: str | None = Field(None, description="`detail` in Vietnamese, where `detail` is English")
    errors: list[FieldProblem] | None = Field(None, description="What is wrong with which field")
    id: str | None = Field(None, description="To be named to the administrator: stands in the server's log")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, before it is shown as JSON or as a page."""

    status: int
    slug: str
    vi: str
    en: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: list[tuple[str, str, str]] = field(default_factory=list)  # pointer, Vietnamese, English
    members: Mapping[str, Any] = field(default_factory=dict)  # of this kind of problem alone
    id: str | None = None

    def title(self, language: str) -> str:
        _slug, vi, en = TITLES.get(self.status, TITLES[500 if self.status >= 500 else 400])
        return vi if language == "vi" else en


def language_of(request: Request) -> str:
    """`en` where the client prefers it to Vietnamese, else `vi`."""
    best, weight = "vi", 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            quality = float(rest.split("=")[1]) if "=" in rest else 1.0
        except ValueError:
            continue
        language = tag.split("-")[0].lower()
        if language in {"vi", "en"} and quality > weight:
            best, weight = language, quality
    return best


def trouble_of(error: Exception) -> Trouble:
    """Any exception as something that may be shown. What was not foreseen is logged under a new id."""
    if isinstance(error, TruyenThanhError):
        return _of_ours(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        slug = TITLES.get(error.status_code, TITLES[400])[0]
        vi, en = DETAILS.get(error.status_code, (str(error.detail), str(error.detail)))
        return Trouble(error.status_code, slug, vi, en, headers=error.headers or {})
    if isinstance(error, (IntegrityError, DataError)):
        log.warning("refused by the database", exc_info=error)
        return _CONFLICT if isinstance(error, IntegrityError) else _UNSTORABLE
    identifier = new_id()
    log.error("unexpected error", exc_info=error, extra={"error_id": identifier})
    if isinstance(error, OperationalError):
        return Trouble(
            503,
            "database-unavailable",
            "Cơ sở dữ liệu chưa trả lời. Hãy thử lại sau ít phút; nếu vẫn lỗi, báo người quản trị.",
            "The database does not answer. Try again in a few minutes; if it persists, tell your administrator.",
            id=identifier,
        )
    return Trouble(500, "internal", TruyenThanhError.vi, TruyenThanhError.en, id=identifier)


_CONFLICT = Trouble(
    409,
    "conflict",
    "Dữ liệu liên quan không có hoặc vừa được người khác thay đổi. Hãy tải lại rồi làm lại.",
    "Something this refers to does not exist or was changed just now. Reload and try again.",
)
_UNSTORABLE = Trouble(
    422,
    "invalid",
    "Có giá trị không lưu được: số quá lớn, chữ quá dài hoặc ký tự lạ. Hãy sửa rồi gửi lại.",
    "A value can't be stored: too large, too long or with a strange character. Mend it and send it again.",
)


def _of_ours(error: TruyenThanhError) -> Trouble:
    headers: dict[str, str] = {}
    if error.status in {429, 503} and "seconds" in error.facts:
        headers["Retry-After"] = str(error.facts["seconds"])
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    identifier = None
    if error.status >= 500 and "Retry-After" not in headers:
        identifier = new_id()
        log.error("%s", error, extra={"error_id": identifier, "slug": error.slug})
    return Trouble(
        error.status,
        error.slug,
        error.text("vi"),
        error.text("en"),
        headers=headers,
        id=identifier,
        members=error.members,
    )


def _of_validation(error: RequestValidationError) -> Trouble:
    errors = []
    for one in error.errors()[:ERRORS_MOST]:
        where, *path = one["loc"] or ("body",)
        pointer = "".join(f"/{step}" for step in path) if where == "body" else f"?{'.'.join(map(str, path))}"
        errors.append((_shortened(pointer, POINTER_MOST), _in_vietnamese(one), str(one["msg"])))
    return Trouble(
        422,
        "invalid",
        "Dữ liệu chưa đúng. Hãy sửa các mục được nêu rồi gửi lại.",
        "The input is not right. Mend the fields named and send it again.",
        errors=errors,
    )


def _shortened(text: str, most: int) -> str:
    """At most so many characters, and all of them such as UTF-8 can hold: a JSON key may hold half a surrogate pair."""
    held = text[:most].encode(errors="replace").decode()
    return held if len(text) <= most else f"{held}…"


def _in_vietnamese(one: Mapping[str, Any]) -> str:
    template = _FIELD_VI.get(str(one["type"]), "chưa đúng")
    try:
        return template.format(**one.get("ctx", {}))
    except (KeyError, IndexError):
        return "chưa đúng"


def as_json(request: Request, trouble: Trouble) -> JSONResponse:
    language = language_of(request)
    first, second = (trouble.vi, trouble.en) if language == "vi" else (trouble.en, trouble.vi)
    content: dict[str, Any] = {
        "type": f"/problems/{trouble.slug}",
        "title": trouble.title(language),
        "status": trouble.status,
        "detail": first,
        "instance": _shortened(request.url.path, PATH_MOST),
        ("en" if language == "vi" else "vi"): second,
    }
    if trouble.errors:
        content["errors"] = [
            {"pointer": pointer, "detail": vi if language == "vi" else en} for pointer, vi, en in trouble.errors
        ]
    if trouble.id:
        content["id"] = trouble.id
    content |= trouble.members
    headers = {**trouble.headers, "Content-Language": language, "Cache-Control": "no-store"}
    return JSONResponse(content, trouble.status, headers=headers, media_type=MEDIA_TYPE)


def answer(request: Request, error: Exception) -> Response:
    """Any error as a problem, or as a page where a person is looking at one."""
    from api.pages.errors import as_page, wants_page  # noqa: PLC0415 - the pages build on this module

    trouble = trouble_of(error)
    return as_page(request, trouble) if wants_page(request) else as_json(request, trouble)


def install(app: FastAPI) -> None:
    """Answer the errors of `app` that are foreseen; the outermost middleware answers the rest."""
    for kind in (TruyenThanhError, RequestValidationError, HTTPException, IntegrityError, DataError, OperationalError):
        app.add_exception_handler(kind, answer)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI description: these statuses come as problems; 401, 403 and 422 may come everywhere."""
    return {
        status: {
            "model": Problem,
            "description": TITLES[status][2],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, 401, 403, 422})
    }
