"""Events as sentences: `user:bulletin:approved` is *duyệt bản tin*; what an event is about has its name and its page.

A kind without words of its own is shown as it is stored: better strange than hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.tables import User
from broadcast.tables import Bulletin, BulletinVersion, Campaign, Dispatch, Programme
from core.events import Event
from core.units import Unit
from devices.tables import Receiver
from schedules.tables import Airing, Schedule

THINGS = {
    "acceptance": "tiếp nhận thường xuyên",
    "account": "tài khoản",
    "airing": "lần phát",
    "answer": "trả lời đề nghị phát",
    "bulletin": "bản tin",
    "campaign": "đợt tuyên truyền",
    "clash-order": "thứ tự ưu tiên",
    "command": "lệnh",
    "dispatch": "văn bản chỉ đạo",
    "feed": "địa chỉ lịch",
    "filling": "việc xếp chương trình",
    "grant": "quyền",
    "lease": "quyền điều hành của máy chủ",
    "lexicon": "từ điển cách đọc",
    "local-day": "ngày riêng",
    "log": "nhật ký bộ thu",
    "login": "phiên đăng nhập",
    "message": "thông điệp",
    "password": "mật khẩu",
    "plan": "lịch của bộ thu",
    "playout": "lượt phát",
    "programme": "chương trình",
    "receiver": "bộ thu",
    "recording": "bản thu âm",
    "release": "bản phần mềm",
    "rule": "quy định phát",
    "schedule": "lịch phát",
    "session": "buổi phát",
    "slot": "khung mục",
    "sound": "nhạc hiệu, nhạc",
    "token": "khóa cho phần mềm",
    "unit": "đơn vị",
    "unit-group": "nhóm đơn vị",
    "units": "danh sách đơn vị",
    "voice": "giọng đọc",
    "week-template": "mẫu tuần",
}

DEEDS = {
    "added": "thêm",
    "alarm": "cảnh báo của",
    "allowed": "cho phép",
    "approved": "duyệt",
    "cancelled": "hủy",
    "changed": "sửa",
    "closed": "khép lại",
    "created": "lập",
    "day-cancelled": "hủy một ngày của",
    "day-moved": "dời một ngày của",
    "day-restored": "lấy lại một ngày của",
    "deleted": "xóa",
    "ended": "chấm dứt",
    "enrolled": "ghi danh",
    "failed": "không thành công:",
    "fallback": "dùng phương án dự phòng cho",
    "finished": "phát đủ:",
    "forbidden": "thôi cho phép",
    "forked": "hai bản khác nhau của",
    "given": "cấp",
    "imported": "nạp",
    "issued": "phát hành",
    "joined": "thêm vào",
    "left": "rút khỏi",
    "materialised": "trải ngày cho",
    "merged": "sáp nhập",
    "missed": "không phát:",
    "moved": "dời",
    "offline": "mất kết nối với",
    "online": "kết nối lại với",
    "opened": "mở",
    "partial": "phát một phần:",
    "placed": "đặt chỗ cho",
    "rate-set": "đặt tốc độ đọc cho",
    "recipe": "cắt ghép",
    "refused": "từ chối:",
    "rejected": "bỏ ra ngoài",
    "released": "cho dùng",
    "renamed": "đổi tên",
    "replaced": "thay",
    "restored": "lấy lại",
    "retired": "thôi dùng",
    "retimed": "đổi giờ",
    "returned": "trả lại",
    "revoked": "thu hồi",
    "rules-overridden": "cho vượt quy định:",
    "saved": "lưu",
    "set": "đặt",
    "shortened": "rút ngắn",
    "spoken": "đọc thành tiếng",
    "submitted": "gửi duyệt",
    "taken": "nhận",
    "to-fill": "nhắc xếp",
    "unconfirmed": "chưa có bằng chứng:",
    "withdrawn": "rút",
    "written": "viết",
}

# Where the two words beside each other would not say it.
SENTENCES = {
    "receiver:log:chain-broken": "nhật ký bộ thu bị đứt đoạn",
    "receiver:log:unplanned": "bộ thu báo phát ngoài lịch",
    "receiver:receiver:command-answered": "bộ thu trả lời lệnh",
    "receiver:receiver:objects-ready": "bộ thu đã tải đủ âm thanh",
    "receiver:receiver:plan-accepted": "bộ thu nhận lịch",
    "receiver:receiver:plan-refused": "bộ thu từ chối lịch",
    "receiver:receiver:refused-message": "bộ thu từ chối một thông điệp",
    "receiver:receiver:revision-ahead": "bộ thu có lịch mới hơn máy chủ",
    "system:airing:against-rules": "lần phát trái quy định nên không phát",
    "system:airing:audio-missing": "thiếu âm thanh của lần phát",
    "system:airing:not-taken": "không nơi nào nhận lần phát",
    "system:airing:readiness": "kiểm tra sẵn sàng trước giờ phát",
    "system:plan:too-large": "lịch của bộ thu quá lớn",
    "system:playout:not-judged": "chưa xét được lượt phát",
    "system:schedule:against-rules": "lịch phát trái quy định",
    "user:login:failed": "đăng nhập không được",
    "user:login:opened": "đăng nhập",
    "user:login:ended": "đăng xuất",
    "user:receiver:code-made": "cấp mã ghi danh cho bộ thu",
    "user:receiver:profile-set": "đặt kiểu loa cho bộ thu",
}

DETAILS = {
    "address": "từ máy",
    "by": "bởi",
    "class": "loại",
    "digest": "dấu vân",
    "ended_by": "người chấm dứt",
    "first_date": "từ ngày",
    "from": "từ ngày",
    "languages": "ngôn ngữ",
    "last_date": "đến ngày",
    "name": "tên",
    "note": "ghi chú",
    "number": "bản số",
    "on": "ngày",
    "reason": "lý do",
    "revision": "số lịch",
    "role": "vai trò",
    "starts_at": "giờ phát",
    "state": "trạng thái",
    "title": "tên",
    "unit": "nơi",
    "units": "nơi",
    "until": "đến ngày",
    "username": "tên đăng nhập",
    "version": "bản",
}


def sentence(kind: str) -> str:
    """What happened, in words."""
    if kind in SENTENCES:
        return SENTENCES[kind]
    _source, _, rest = kind.partition(":")
    thing, _, deed = rest.partition(":")
    return f"{DEEDS[deed]} {THINGS[thing]}" if thing in THINGS and deed in DEEDS else kind


# --- what it is about ---

_Named = tuple[InstrumentedAttribute[str], InstrumentedAttribute[str], Callable[[str], str]]

_SUBJECTS: dict[str, _Named] = {
    "bulletin": (Bulletin.id, Bulletin.title, "/ban-tin/{}".format),
    "campaign": (Campaign.id, Campaign.title, "/dot/{}".format),
    "programme": (Programme.id, Programme.title, "/chuong-trinh/{}".format),
    "schedule": (Schedule.id, Schedule.title, "/lich/{}".format),
    "receiver": (Receiver.id, Receiver.name, "/bo-thu/{}".format),
    "unit": (Unit.id, Unit.name, "/noi-nay/{}".format),
    "user": (User.id, User.full_name, "/nguoi-dung/{}".format),
    "dispatch": (Dispatch.id, Dispatch.subject, lambda _id: ""),  # type: ignore[dict-item]  # may have none
}


def subjects(session: Session, events: Iterable[Event]) -> dict[tuple[str, str], tuple[str, str]]:
    """Name and page ("": it has none) of what these are about, as far as it has a name."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in events:
        wanted[event.subject_kind].add(event.subject_id)
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for kind, (key, name, address) in _SUBJECTS.items():
        if ids := wanted.get(kind):
            rows = session.execute(select(key, name).where(key.in_(ids)))
            found |= {(kind, id_): (called, address(id_)) for id_, called in rows if called}
    for kind, statement in _VIA.items():
        if ids := wanted.get(kind):
            rows = session.execute(statement(ids))
            found |= {(kind, id_): (called, page) for id_, called, page in _paged(kind, rows)}
    return found


_VIA: dict[str, Callable[[set[str]], Any]] = {
    "airing": lambda ids: (
        select(Airing.id, Schedule.title, Schedule.id)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(Airing.id.in_(ids))
    ),
    "version": lambda ids: (
        select(BulletinVersion.id, Bulletin.title, Bulletin.id)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(BulletinVersion.id.in_(ids))
    ),
}


def _paged(kind: str, rows: Iterable[Any]) -> Iterable[tuple[str, str, str]]:
    folder = {"airing": "/lich", "version": "/ban-tin"}[kind]
    return ((id_, title, f"{folder}/{of}") for id_, title, of in rows)
