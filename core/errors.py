"""One tree of errors. Each has a stable slug, an HTTP status, and its text in Vietnamese and English.

A text says what happened and what to do. Values go in by name: `TextTooLong(length=9000, limit=8000)`. A value of
text that differs between the languages is given as “tiếng Việt / English”, with the last “ / ” between them.
Subclasses stand in the room that raises them; this file holds the root and the few that every room needs.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar

FACT_MOST = 1000  # characters of one fact in a text: whoever sends much must not get it all back


class TruyenThanhError(Exception):
    """The root. `slug` names the kind for good, `status` is the HTTP status, `vi` and `en` are templates."""

    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    vi: ClassVar[str] = "Có lỗi trong hệ thống. Hãy thử lại; nếu vẫn lỗi, báo người quản trị."
    en: ClassVar[str] = "Something went wrong. Try again; if it persists, tell your administrator."

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.text("en"))

    @property
    def members(self) -> dict[str, Any]:
        """What a program may read of it beside the text; most have nothing more to say."""
        return {}

    def text(self, language: str = "vi") -> str:
        """The message in `vi` or `en`."""
        template = self.vi if language == "vi" else self.en
        return template.format(**{name: _in_language(value, language) for name, value in self.facts.items()})


def _in_language(value: Any, language: str) -> Any:
    if not isinstance(value, str):
        return value
    vietnamese, between, english = value.rpartition(" / ")
    said = vietnamese if between and language == "vi" else english
    return said if len(said) <= FACT_MOST else f"{said[:FACT_MOST]}…"


class Invalid(TruyenThanhError):
    """What was given can't be accepted; the text says what to change."""

    slug = "invalid"
    status = 422
    vi = "Dữ liệu chưa đúng: {what}."
    en = "The input is not right: {what}."


class NotFound(TruyenThanhError):
    slug = "not-found"
    status = 404
    vi = "Không tìm thấy {what} “{id}”. Hãy kiểm tra lại mã hoặc quay về danh sách."
    en = "No {what} “{id}”. Check the identifier or go back to the list."


class Conflict(TruyenThanhError):
    """The thing is not in a state that allows this."""

    slug = "conflict"
    status = 409
    vi = "Việc này không làm được lúc này: {what}."
    en = "This can't be done now: {what}."


class Forbidden(TruyenThanhError):
    slug = "forbidden"
    status = 403
    vi = "Tài khoản này không có quyền {what}. Hãy nhờ người quản trị cấp quyền."
    en = "This account may not: {what}. Ask an administrator for the right."


class DatabaseNotMigrated(TruyenThanhError):
    slug = "database-not-migrated"
    status = 503
    vi = "Cơ sở dữ liệu đang ở phiên bản {current}, phần mềm cần {wanted}. Hãy chạy: truyenthanh db upgrade"
    en = "The database is at revision {current}, the software needs {wanted}. Run: truyenthanh db upgrade"


class DatabaseUnreachable(TruyenThanhError):
    slug = "database-unreachable"
    status = 503
    vi = "Không kết nối được cơ sở dữ liệu: {why}. Hãy kiểm tra TRUYENTHANH_DATABASE_URL và dịch vụ PostgreSQL."
    en = "The database can't be reached: {why}. Check TRUYENTHANH_DATABASE_URL and the PostgreSQL service."


class PortInUse(TruyenThanhError):
    slug = "port-in-use"
    status = 500
    vi = "Cổng {port} ({what}) đang có chương trình khác dùng. Hãy tắt chương trình đó hoặc đặt {setting}=<cổng khác>."
    en = "Port {port} ({what}) is in use. Stop the program that holds it, or set {setting}=<another port>."


class FileMissing(TruyenThanhError):
    slug = "file-missing"
    status = 404
    vi = "Không đọc được tệp {path}: {why}. Hãy kiểm tra đường dẫn và quyền đọc."
    en = "Can't read the file {path}: {why}. Check the path and the right to read it."

    @classmethod
    def of(cls, path: object, error: OSError) -> FileMissing:
        """From what the system said."""
        known = {
            errno.ENOENT: "không có tệp này / there is no such file",
            errno.EISDIR: "đây là thư mục / it is a folder",
            errno.EACCES: "không có quyền đọc / there is no right to read it",
        }
        return cls(path=path, why=known.get(error.errno or 0, str(error.strerror)))


class FileUnwritable(TruyenThanhError):
    slug = "file-unwritable"
    status = 500
    vi = "Không ghi được tệp {path}: {why}. Chưa ghi gì. Hãy tạo thư mục đó, xin quyền ghi, hoặc chọn nơi khác."
    en = "Can't write the file {path}: {why}. Nothing was written. Make that folder, get the right, or choose another."


class SettingsInvalid(TruyenThanhError):
    slug = "settings-invalid"
    status = 500
    vi = "Thiết lập {name}={value} không dùng được: {why}. Chạy “truyenthanh settings” để xem ý nghĩa từng thiết lập."
    en = "The setting {name}={value} can't be used: {why}. “truyenthanh settings” tells what each one means."


class DiskFull(TruyenThanhError):
    slug = "disk-full"
    status = 507
    vi = "Ổ đĩa chứa {path} đã đầy; chưa ghi được gì. Hãy giải phóng chỗ trống rồi làm lại."
    en = "The disk of {path} is full; nothing was written. Free some space and try again."
