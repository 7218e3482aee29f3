"""What sessions and their slots refuse, each with what to do about it."""

from __future__ import annotations

from core.errors import Conflict, Invalid, NotFound


class NoSlots(Invalid):
    slug = "session-no-slots"
    vi = "Buổi phát cần từ 1 đến {most} khung mục, ở đây có {count}. Hãy thêm hoặc bớt khung mục."
    en = "A session has 1 to {most} slots, this one {count}. Add slots or take some out."


class BadSlot(Invalid):
    slug = "session-bad-slot"
    vi = "Khung mục {number} “{title}”: {vi_why}."
    en = "Slot {number} “{title}”: {en_why}."


class SessionTooLong(Invalid):
    slug = "session-too-long"
    vi = "Các khung mục dài tổng cộng {minutes} phút; một buổi phát dài nhất {most} phút. Hãy rút ngắn hoặc chia buổi."
    en = "The slots are {minutes} minutes long together; a session has {most} at most. Shorten it or make two."


class SessionOverlapsItself(Invalid):
    slug = "session-overlaps-itself"
    vi = (
        "Buổi phát dài {minutes} phút nhưng lần {first} và lần {second} chỉ cách nhau {gap} phút nên các khung mục "
        "chồng lên nhau. Hãy rút ngắn khung mục, hoặc đổi giờ phát."
    )
    en = (
        "The session is {minutes} minutes long, but {first} and {second} are only {gap} minutes apart: its slots would "
        "overlap. Shorten them, or change the times."
    )


class SlotNotFound(NotFound):
    slug = "slot-not-found"
    vi = "Buổi phát không có khung mục “{id}”. Hãy tải lại danh sách khung mục."
    en = "The session has no slot “{id}”. Load its slots again."


class FillingNotFound(NotFound):
    slug = "filling-not-found"
    vi = "Không có lần xếp chương trình “{id}”, hoặc nó đã được thay. Hãy tải lại danh sách."
    en = "There is no filling “{id}”, or another one took its place. Load the list again."


class RelayNotFilled(Invalid):
    slug = "slot-is-a-relay"
    vi = "Khung mục “{title}” là tiếp sóng nên không xếp chương trình vào được. Hãy chọn khung mục chương trình."
    en = "The slot “{title}” is a relay and takes no programme. Choose a programme slot."


class WhichAiring(Invalid):
    slug = "slot-which-airing"
    vi = "Ngày {day:%d/%m/%Y} buổi phát này có các giờ: {times}. Hãy ghi rõ giờ của buổi (at)."
    en = "On {day:%d/%m/%Y} this session airs at: {times}. Say which one (at)."


class NotOnThatDay(Invalid):
    slug = "slot-not-on-that-day"
    vi = "Buổi phát “{title}” không phát vào {when}. Hãy chọn ngày khác."
    en = "The session “{title}” doesn't air on {when}. Choose another day."


class WrongPlace(Invalid):
    slug = "slot-wrong-place"
    vi = "Khung mục “{title}”: {vi_why}."
    en = "The slot “{title}”: {en_why}."


class TooLongForSlot(Conflict):
    slug = "slot-too-long"
    vi = (
        "Chương trình dài {programme_ms} ms, khung mục “{title}” chỉ có {slot_ms} ms, thừa {over_ms} ms. "
        "Hãy chọn chương trình ngắn hơn, hoặc cho phép cắt ở cuối khung (cut)."
    )
    en = (
        "The programme is {programme_ms} ms long, the slot “{title}” has {slot_ms} ms: {over_ms} ms too much. "
        "Choose a shorter one, or allow it to be cut at the slot's end (cut)."
    )


class SlotBegun(Conflict):
    slug = "slot-begun"
    vi = "Khung mục “{title}” ngày đó bắt đầu lúc {at}, đã qua nên không xếp, không bỏ xếp được nữa."
    en = "The slot “{title}” of that day began at {at}: it can't be filled or emptied any more."


class SlotWithdrawn(Conflict):
    slug = "slot-withdrawn"
    vi = "Lần phát của khung mục “{title}” lúc {at} đã được hủy. Hãy chọn ngày khác."
    en = "The airing of the slot “{title}” at {at} was cancelled. Choose another day."


class SameWeek(Invalid):
    slug = "week-onto-itself"
    vi = "Hai ngày cùng ở tuần bắt đầu thứ Hai {monday:%d/%m/%Y}, nên không có gì để chép. Hãy chọn một tuần khác (to)."
    en = "Both days lie in the week of Monday {monday:%d/%m/%Y}: there is nothing to copy. Choose another week (to)."


class HasSlots(Conflict):
    slug = "session-has-slots"
    vi = "“{title}” là buổi phát có khung mục. Hãy xếp chương trình vào khung mục theo ngày, hoặc sửa khung mục."
    en = "“{title}” is a session with slots. Fill a slot by date, or change the slots."


class NoSlotsHere(Conflict):
    slug = "session-no-slots-here"
    vi = "“{title}” là lịch của một chương trình, không có khung mục. Hãy lập một buổi phát."
    en = "“{title}” is a schedule of one programme and has no slots. Make a session instead."
