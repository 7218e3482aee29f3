"""What can go wrong between a text and a stored sound."""

from __future__ import annotations

from core.errors import Invalid, TruyenThanhError


class TextEmpty(Invalid):
    slug = "text-empty"
    vi = "Bản tin chưa có chữ nào. Hãy nhập nội dung rồi tạo giọng đọc lại."
    en = "The text is empty. Write something and ask for speech again."


class TextTooLong(Invalid):
    """`length` and `limit` in characters."""

    slug = "text-too-long"
    vi = "Bản tin dài {length} ký tự, quá mức {limit}. Hãy rút gọn hoặc chia thành nhiều bản tin."
    en = "The text has {length} characters, the limit is {limit}. Shorten it or split it into several bulletins."


class SoundTooLong(Invalid):
    """`minutes` that the text would take to speak, as estimated, and `limit`."""

    slug = "sound-too-long"
    vi = "Bản tin đọc lên ước chừng {minutes} phút, quá mức {limit} phút. Hãy rút gọn hoặc chia thành nhiều bản tin."
    en = "Spoken, the text would take about {minutes} minutes, the limit is {limit}. Shorten it or split it."


class NotReadable(Invalid):
    slug = "not-readable"
    vi = "Trong văn bản không có gì đọc được thành tiếng, chỉ có ký hiệu. Hãy kiểm tra lại nội dung."
    en = "Nothing in the text can be read aloud, it holds only symbols. Check what was pasted."


class UnknownVoice(Invalid):
    slug = "unknown-voice"
    vi = "Không có giọng đọc “{voice}”. Các giọng có thể dùng: {known}."
    en = "There is no voice “{voice}”. Known voices: {known}."


class OutsideVoiceRefused(Invalid):
    slug = "outside-voice-refused"
    vi = (
        "Giọng “{voice}” gửi văn bản ra máy chủ bên ngoài nên chưa được phép dùng. Hãy dùng giọng espeak, "
        "hoặc để quản trị viên đồng ý: truyenthanh voices allow {voice}"
    )
    en = (
        "The voice “{voice}” sends the text to a server outside and is not allowed. Use the voice espeak, "
        "or let an administrator agree: truyenthanh voices allow {voice}"
    )


class NobodyAgreed(Invalid):
    """A voice that sends text outside, on a machine without a site whose administrator could agree."""

    slug = "outside-voice-unconfirmed"
    vi = (
        "Giọng “{voice}” gửi văn bản ra máy chủ bên ngoài, mà máy này chưa có cơ sở dữ liệu để quản trị viên đồng ý. "
        "Nếu bạn được phép gửi văn bản này ra ngoài, hãy thêm --send-outside; nếu không, hãy dùng giọng espeak."
    )
    en = (
        "The voice “{voice}” sends the text to a server outside, and this machine has no database in which an "
        "administrator could agree. If you may send this text outside, add --send-outside; if not, use espeak."
    )


class RateRefused(Invalid):
    """`rate`, `low` and `high` in words a minute."""

    slug = "rate-refused"
    vi = "Tốc độ đọc {rate} từ/phút không dùng được. Hãy chọn từ {low} đến {high}."
    en = "A speaking rate of {rate} words a minute can't be used. Choose {low} to {high}."


class VoiceFailed(TruyenThanhError):
    """`reason_vi` and `reason_en` are whole clauses without a full stop; `voice` names one voice or several."""

    slug = "voice-failed"
    status = 502
    vi = "Giọng đọc “{voice}” không đọc được: {reason_vi}. Chưa lưu gì. Hãy thử lại hoặc chọn giọng khác, như espeak."
    en = (
        "The voice “{voice}” failed: {reason_en}. Nothing was stored. "
        "Try again or choose another voice, such as espeak."
    )

    def why(self, language: str) -> str:
        """The voice and the reason, for where another one spoke."""
        return f"{self.facts['voice']}: {self.facts[f'reason_{language}']}"


class SoundUnusable(TruyenThanhError):
    """A sound that can't be brought to the loudness and peak that go on air."""

    slug = "sound-unusable"
    status = 422
    vi = "Âm thanh không dùng được: {reason_vi}. Hãy tạo lại hoặc chọn giọng khác."
    en = "The sound can't be used: {reason_en}. Make it again or choose another voice."


class ObjectDamaged(TruyenThanhError):
    slug = "object-damaged"
    status = 500
    vi = "Tệp âm thanh {sha256} trong kho đã hỏng (nội dung không khớp tên). Hãy tạo lại bản âm thanh này."
    en = "The stored sound {sha256} is damaged (its content does not match its name). Make this rendition again."


class VoiceNameRefused(Invalid):
    slug = "voice-name-refused"
    vi = "“{voice}” không phải tên giọng. Tên giọng viết như vi_VN-vais1000-medium, không có dấu / hay khoảng trắng."
    en = "“{voice}” is no name of a voice. A name looks like vi_VN-vais1000-medium, without slashes and blanks."


class VoiceInstallFailed(TruyenThanhError):
    """`reason_vi` and `reason_en` are whole clauses without a full stop."""

    slug = "voice-install-failed"
    status = 502
    vi = "Chưa cài được giọng “{voice}”: {reason_vi}. Phần đã tải đúng (nếu có) được giữ: hãy chạy lại lệnh."
    en = "The voice “{voice}” was not installed: {reason_en}. Any part that came rightly is kept: run it again."
