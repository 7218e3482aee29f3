"""The rules of bulletins: states and what is allowed in them, limits, blanks, and the errors that say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from audio.errors import TextEmpty, TextTooLong
from broadcast.styled import plain_letters
from core.errors import Conflict, Forbidden, Invalid
from core.languages import is_language
from devices.protocol.plan import BroadcastClass

Status = Literal["draft", "submitted", "approved", "returned", "withdrawn"]
Action = Literal["render", "submit", "approve", "return", "withdraw"]

# What may be done in which state. Editing is always possible: it makes a new version.
ALLOWED: dict[Action, tuple[Status, ...]] = {
    "render": ("draft", "returned", "submitted"),
    "submit": ("draft", "returned"),
    "approve": ("submitted",),
    "return": ("submitted",),
    "withdraw": ("draft", "returned", "submitted", "approved"),
}
STATUS_VI: dict[str, str] = {
    "draft": "đang soạn",
    "submitted": "chờ duyệt",
    "approved": "đã duyệt",
    "returned": "trả lại",
    "withdrawn": "đã thu hồi",
}
_ACTION: dict[Action, tuple[str, str]] = {
    "render": ("tạo giọng đọc", "spoken"),
    "submit": ("gửi duyệt", "submitted"),
    "approve": ("duyệt", "approved"),
    "return": ("trả lại", "returned"),
    "withdraw": ("thu hồi", "withdrawn"),
}
_MEND: dict[str, tuple[str, str]] = {
    "draft": ("Hãy tạo giọng đọc và gửi duyệt trước.", "Render and submit it first."),
    "submitted": ("Hãy chờ người duyệt quyết định.", "Wait for the decision."),
    "approved": ("Muốn thay đổi, hãy sửa thành phiên bản mới.", "To change it, edit it into a new version."),
    "returned": ("Hãy sửa theo góp ý rồi gửi duyệt lại.", "Mend it and submit it again."),
    "withdrawn": ("Hãy sửa thành phiên bản mới.", "Edit it into a new version."),
}
CHARACTERS_MAX = 8000  # the default of `bulletin_characters_max`
TITLE_MAX = 300

# A blank is [điền: what belongs there], «…», or a line of dots or underscores as on a form.
_BLANK = re.compile(r"\[\s*điền[^\]]{0,200}\]?|«[\s.…_]*»|\.{5,}|…{2,}|_{3,}", re.IGNORECASE)


class WrongState(Conflict):
    slug = "bulletin-wrong-state"
    vi = "Bản tin “{title}” đang ở trạng thái “{status_vi}”, không thể {action_vi}. {mend_vi}"
    en = "The bulletin “{title}” is {status}: it can't be {action_en}. {mend_en}"


class BlankLeft(Invalid):
    slug = "bulletin-blank-left"
    vi = "Bản tin “{title}” còn {count} chỗ phải điền: {blanks}. Hãy điền hết rồi gửi duyệt lại."
    en = "The bulletin “{title}” still has {count} blanks to fill: {blanks}. Fill them in and submit again."


class NotSpoken(Conflict):
    slug = "bulletin-not-spoken"
    vi = "Bản tin “{title}” chưa có bản âm thanh. Hãy tạo giọng đọc, nghe thử rồi gửi duyệt."
    en = "The bulletin “{title}” has no sound yet. Make its speech, listen to it, then submit."


class ProfileMissing(Conflict):
    """`missing_vi` and `missing` name the profiles that it has no sound in."""

    slug = "bulletin-profile-missing"
    vi = "Bản tin “{title}” chưa có bản âm thanh {missing_vi}. Hãy tạo lại âm thanh, nghe cả hai bản rồi gửi duyệt."
    en = "The bulletin “{title}” has no {missing} sound. Make its sound again, listen to both, then submit."


class OwnApproval(Forbidden):
    slug = "bulletin-own-approval"
    vi = "Người viết không tự duyệt bản tin của mình (“{title}”). Hãy nhờ người khác nghe và duyệt."
    en = "Who wrote a bulletin can't approve it (“{title}”). Ask somebody else to listen and approve."


class NotAPerson(Forbidden):
    slug = "bulletin-not-a-person"
    vi = "Hệ thống không tự duyệt bản tin (“{title}”). Phải có một người nghe và duyệt."
    en = "The system doesn't approve bulletins (“{title}”). A person has to listen and approve."


class SoundChanged(Conflict):
    slug = "bulletin-sound-changed"
    vi = "Âm thanh của bản tin “{title}” đã thay đổi sau khi mở ra nghe. Hãy nghe lại bản mới rồi duyệt."
    en = "The sound of the bulletin “{title}” changed after it was opened. Listen to the new one, then approve."


class FallbackVoice(Conflict):
    slug = "bulletin-fallback-voice"
    vi = (
        "Bản tin “{title}” do giọng dự phòng “{voice}” đọc, nơi này không cho duyệt giọng dự phòng. "
        "Hãy cài hoặc sửa giọng chính (xem: truyenthanh voices) rồi tạo lại, "
        "hoặc cho phép: TRUYENTHANH_FALLBACK_VOICES_PERMITTED=true."
    )
    en = (
        "The bulletin “{title}” was spoken by the fallback voice “{voice}”, which this site doesn't permit. "
        "Install or mend the main voice (see: truyenthanh voices) and render it again, "
        "or permit it: TRUYENTHANH_FALLBACK_VOICES_PERMITTED=true."
    )


class RecordedNotSpoken(Conflict):
    slug = "bulletin-recorded"
    vi = "Phiên bản này của bản tin “{title}” là bản thu âm, không dùng giọng máy đọc đè lên được."
    en = "This version of the bulletin “{title}” is a recording; no engine speaks over it."


class ReasonMissing(Invalid):
    slug = "bulletin-reason-missing"
    vi = "Chưa ghi lý do. Hãy ghi ngắn gọn để người viết biết phải sửa gì."
    en = "The reason is missing. Say shortly what has to change."


def wrong_state(title: str, status: str, action: Action) -> WrongState:
    """The error for an action that the state doesn't allow, with what to do instead."""
    action_vi, action_en = _ACTION[action]
    mend_vi, mend_en = _MEND[status]
    return WrongState(
        title=title,
        status=status,
        status_vi=STATUS_VI[status],
        action_vi=action_vi,
        action_en=action_en,
        mend_vi=mend_vi,
        mend_en=mend_en,
    )


def blanks(text: str) -> list[str]:
    """The places of a text that somebody still has to fill in."""
    return [" ".join(match[0].split()) for match in _BLANK.finditer(text)]


def checked_text(text: str, characters_max: int) -> str:
    text = plain_letters(text.strip())
    if not text:
        raise TextEmpty
    if len(text) > characters_max:
        raise TextTooLong(length=len(text), limit=characters_max)
    if "\x00" in text:
        raise Invalid(
            what="văn bản có ký tự NUL, hãy chép lại phần chữ / the text holds a NUL character, paste it again"
        )
    return text


def checked_title(title: str) -> str:
    title = " ".join(plain_letters(title).split())
    if not title:
        raise Invalid(what="bản tin chưa có tiêu đề / the bulletin has no title")
    if len(title) > TITLE_MAX:
        raise Invalid(what=f"tiêu đề dài quá {TITLE_MAX} ký tự / the title is longer than {TITLE_MAX} characters")
    return title


def check_class(class_: str) -> None:
    known: Sequence[str] = get_args(BroadcastClass)
    if class_ not in known:
        raise Invalid(what=f"không có loại bản tin “{class_}” / no class “{class_}”; {', '.join(known)}")


def check_language(language: str) -> None:
    if not is_language(language):
        raise Invalid(what=f"mã ngôn ngữ “{language}” không đúng / “{language}” is no language code (vi, tyz, nut)")
