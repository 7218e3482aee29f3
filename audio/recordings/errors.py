"""What can be wrong with a file that is handed in as a recording."""

from __future__ import annotations

from core.errors import Invalid, TruyenThanhError


class RecordingEmpty(Invalid):
    slug = "recording-empty"
    vi = "Tệp thu âm rỗng (0 byte). Hãy kiểm tra máy thu rồi gửi lại tệp."
    en = "The recording is empty (0 bytes). Check the recorder and send the file again."


class RecordingTooLarge(TruyenThanhError):
    """`limit_mb` in millions of bytes."""

    slug = "recording-too-large"
    status = 413
    vi = "Tệp thu âm lớn quá {limit_mb} MB. Hãy cắt ngắn, hoặc lưu dạng MP3, M4A hay FLAC rồi gửi lại."
    en = "The recording is larger than {limit_mb} MB. Shorten it, or save it as MP3, M4A or FLAC and send it again."


class RecordingTooLong(Invalid):
    slug = "recording-too-long"
    vi = "Bản thu âm dài quá {limit} phút. Hãy cắt thành nhiều tệp rồi gửi lại."
    en = "The recording is longer than {limit} minutes. Cut it into several files and send them again."


class RecordingIsVideo(Invalid):
    slug = "recording-is-video"
    vi = "Tệp này là phim ({sound}), không phải bản thu âm. Hãy xuất riêng phần tiếng (MP3, M4A) rồi gửi lại."
    en = "This file is a video ({sound}), not a recording. Export its sound alone (MP3, M4A) and send that."


class RecordingMalformed(Invalid):
    slug = "recording-malformed"
    vi = (
        "Không đọc được tệp này như âm thanh: {why}. Tên hay đuôi tệp không quan trọng, nội dung mới quyết định. "
        "Hãy nghe thử tệp trên máy của mình, rồi gửi lại bản WAV, MP3, M4A, OGG, Opus, FLAC, AMR hoặc 3GP."
    )
    en = (
        "This file can't be read as sound: {why}. Its name or suffix doesn't matter, its content decides. "
        "Try to play it yourself, then send it again as WAV, MP3, M4A, OGG, Opus, FLAC, AMR or 3GP."
    )


class RecordingRefused(Invalid):
    """`faults`: the checks that block, in words."""

    slug = "recording-refused"
    vi = "Bản thu âm chưa dùng được: {faults}"
    en = "The recording can't be used yet: {faults}"


class UploadBroken(Invalid):
    slug = "upload-broken"
    vi = "Tệp gửi lên bị đứt giữa chừng, chưa lưu gì. Hãy gửi lại."
    en = "The upload broke off in the middle, nothing was stored. Send it again."
