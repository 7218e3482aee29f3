"""What is refused about rules of sound, each with what to do about it."""

from __future__ import annotations

from core.errors import Conflict, Invalid, NotFound


class BadSoundRule(Invalid):
    slug = "rule-not-right"
    vi = "Quy định “{kind}” chưa đúng: {why}."
    en = "The rule “{kind}” is not right: {why}."


class RuleNotFound(NotFound):
    vi = "Không tìm thấy quy định “{id}”. Hãy xem lại danh sách quy định của đơn vị."
    en = "No rule “{id}”. Look at the list of the unit's rules."


class RuleInThePast(Invalid):
    slug = "rule-in-the-past"
    vi = "Ngày {day} đã qua (hôm nay là {today}); quy định chỉ đổi được từ hôm nay trở đi. Hãy chọn ngày sau."
    en = "{day} has passed (today is {today}): rules change from today on only. Choose a later date."


class RuleAhead(Conflict):
    slug = "rule-ahead"
    vi = (
        "Từ ngày {day} đã có một quy định cùng loại của đơn vị này. "
        "Hãy cho quy định mới hết hạn trước ngày đó, hoặc kết thúc quy định kia trước."
    )
    en = "From {day} on the unit has another rule of this kind. Let the new one end by then, or end that one first."


class RuleLaxer(Invalid):
    slug = "rule-laxer"
    vi = (
        "{unit} đã quy định chặt hơn và không cho cấp dưới nới: {rule}. "
        "Hãy đặt mức bằng hoặc chặt hơn, hoặc đề nghị nơi đó cho phép cấp dưới tự quy định."
    )
    en = (
        "{unit} has a stricter rule and doesn't let units below loosen it: {rule}. "
        "Set one as strict or stricter, or ask that unit to let those below decide."
    )


class RuleOver(Conflict):
    slug = "rule-over"
    vi = "Quy định này đã hết hiệu lực từ ngày {day}, không đổi được nữa. Hãy đặt quy định mới."
    en = "This rule has ended on {day} and can't be changed any more. Set a new one."
