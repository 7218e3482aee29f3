"""What the timetable refuses, each with what to do about it."""

from __future__ import annotations

from core.errors import Conflict, Invalid, NotFound


class NoTitle(Invalid):
    slug = "schedule-no-title"
    vi = "Lịch phát chưa có tên. Hãy đặt một tên ngắn, dễ nhận ra."
    en = "The schedule has no title. Give it a short one that people will recognise."


class NoTargets(Invalid):
    slug = "schedule-no-targets"
    vi = "Lịch phát chưa có nơi nhận. Hãy chọn ít nhất một xã, phường, thôn, cụm xã hoặc bộ thu."
    en = "The schedule has no targets. Choose at least one unit, group or receiver."


class EndsBeforeItStarts(Invalid):
    slug = "schedule-ends-before-it-starts"
    vi = "Ngày cuối {last} đứng trước ngày đầu {first}. Hãy sửa lại một trong hai ngày."
    en = "The last day, {last}, is before the first, {first}. Change one of the two."


class BadRule(Invalid):
    slug = "schedule-bad-rule"
    vi = "Quy tắc lặp “{rule}” chưa đúng: {why}. Ví dụ đúng: FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20261231"
    en = "The rule “{rule}” is not right: {why}. A right one: FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20261231"


class BadLocalDay(Invalid):
    slug = "local-day-bad"
    vi = "Ngày riêng của địa phương chưa đúng: {why}."
    en = "The local day is not right: {why}."


class UnknownSchedules(Invalid):
    slug = "local-day-unknown-schedules"
    vi = "Không có lịch phát đang dùng: {ids}. Hãy chọn lại trong danh sách lịch phát."
    en = "There are no active schedules: {ids}. Choose them from the list."


class UnknownHoliday(Invalid):
    slug = "local-day-unknown-holiday"
    vi = "Không có ngày lễ nào tên “{name}”. Các tên có: {known}."
    en = "There is no public holiday called “{name}”. Known: {known}."


class LocalDayNotFound(NotFound):
    slug = "local-day-not-found"
    vi = "Không tìm thấy ngày riêng {id}; có thể đã được bỏ. Hãy tải lại danh sách."
    en = "There is no local day {id}; it may have been taken back. Load the list again."


class LocalDayChanged(Conflict):
    slug = "local-day-changed"
    vi = "Ngày riêng “{name}” vừa được người khác sửa (phiên bản {version}). Hãy tải lại rồi sửa tiếp."
    en = "The local day “{name}” was changed by someone else (version {version}). Load it again, then change it."


class TooManyAirings(Invalid):
    slug = "schedule-too-many-airings"
    vi = (
        "Quy tắc lặp “{rule}” phát quá {most} lần một ngày, hoặc lặp theo phút, giây. "
        "Hãy ghi giờ phát trong ngày, ví dụ FREQ=DAILY;BYHOUR=5,11,17;BYMINUTE=0"
    )
    en = (
        "The rule “{rule}” airs more than {most} times a day, or repeats by the minute or second. "
        "Name the times of day, as in FREQ=DAILY;BYHOUR=5,11,17;BYMINUTE=0"
    )


class NeverOccurs(Invalid):
    slug = "schedule-never-occurs"
    vi = "Quy tắc lặp “{rule}” từ {start} không bao giờ có lần phát nào. Hãy sửa ngày, thứ hoặc giờ trong quy tắc."
    en = "The rule “{rule}” from {start} never airs. Change its days, weekdays or hours."


class NotAnOccurrence(Invalid):
    slug = "schedule-not-an-occurrence"
    vi = "Lịch này không phát lúc {at}. Hãy chọn một lần phát của lịch."
    en = "This schedule doesn't air at {at}. Choose one of its airings."


class NothingBefore(Invalid):
    slug = "schedule-nothing-before"
    vi = "Lần phát lúc {at} là lần đầu của lịch. Hãy sửa cả lịch."
    en = "The airing of {at} is the schedule's first. Change the whole schedule instead."


class BadLocalTime(Invalid):
    slug = "schedule-bad-local-time"
    vi = "“{text}” không phải là {what}. Hãy ghi như {example}."
    en = "“{text}” is not {what}. Write it as {example}."


class YearOutOfRange(Invalid):
    slug = "schedule-year-out-of-range"
    vi = "“{text}” nằm ngoài các năm từ {first} đến {last}. Hãy ghi một ngày trong khoảng đó, ví dụ 2026-07-28."
    en = "“{text}” lies outside the years {first} to {last}. Give a date within them, such as 2026-07-28."


class OnceHasOneDay(Invalid):
    slug = "schedule-once-has-one-day"
    vi = "Lịch phát một lần chỉ có một ngày, không có thứ trong tuần. Hãy bỏ phần thừa, hoặc chọn hằng ngày, hằng tuần."
    en = "A schedule that airs once has one day and no weekdays. Leave out the rest, or make it daily or weekly."


class NoWeekdays(Invalid):
    slug = "schedule-no-weekdays"
    vi = "Lịch phát hằng tuần cần ít nhất một thứ trong tuần. Hãy chọn từ thứ Hai (1) đến Chủ nhật (7)."
    en = "A weekly schedule needs weekdays. Choose from Monday (1) to Sunday (7)."


class WeekdaysNotWanted(Invalid):
    slug = "schedule-weekdays-not-wanted"
    vi = "Lịch phát hằng ngày không dùng thứ trong tuần. Hãy bỏ chọn thứ, hoặc đổi sang hằng tuần."
    en = "A daily schedule takes no weekdays. Leave them out, or make it weekly."


class UnknownKind(Invalid):
    slug = "schedule-unknown-kind"
    vi = "Kiểu lặp “{kind}” không có. Hãy chọn: once (một lần), daily (hằng ngày), weekly (hằng tuần)."
    en = "There is no repetition “{kind}”. Choose once, daily or weekly."


class UnknownZone(Invalid):
    slug = "schedule-unknown-zone"
    vi = "Múi giờ “{zone}” không có. Hãy dùng tên như Asia/Ho_Chi_Minh."
    en = "There is no time zone “{zone}”. Use a name such as Asia/Ho_Chi_Minh."


class ZonedLocalTime(Invalid):
    slug = "schedule-zoned-local-time"
    vi = "Giờ phát là giờ địa phương, không kèm múi giờ. Hãy ghi múi giờ riêng."
    en = "The time of day is local and carries no zone of its own. Give the zone apart."


class InThePast(Invalid):
    slug = "schedule-in-the-past"
    vi = "Thời điểm phát {at} đã qua (bây giờ là {now}). Hãy chọn một thời điểm sau đó."
    en = "The time to air, {at}, has passed (it is {now} now). Choose a later one."


class TooFarAhead(Invalid):
    slug = "schedule-too-far-ahead"
    vi = "Thời điểm phát {at} quá xa. Hãy chọn trong vòng {days} ngày tới, hoặc lập lịch mới cho ngày đó."
    en = "The time to air, {at}, is too far ahead. Choose one in the coming {days} days, or make a schedule for it."


class NeverAirs(Invalid):
    slug = "schedule-never-airs"
    vi = "Từ bây giờ đến ngày cuối {last}, lịch này không có lần phát nào. Hãy sửa ngày cuối hoặc các thứ trong tuần."
    en = "From now to its last day, {last}, this schedule never airs. Change the last day or the weekdays."


class BadDuration(Invalid):
    slug = "schedule-bad-duration"
    vi = "Chương trình dài {duration_ms} ms; phải dài hơn 0 và không quá {longest_ms} ms. Hãy kiểm tra chương trình."
    en = "The programme is {duration_ms} ms long; it must be over 0 and at most {longest_ms} ms. Check the programme."


class LongerThanProgramme(Invalid):
    slug = "airing-longer-than-programme"
    vi = (
        "Thời lượng {duration_ms} ms không được: chương trình dài {programme_ms} ms. "
        "Hãy ghi từ 1 đến {programme_ms} ms, hoặc để trống để phát cả chương trình."
    )
    en = (
        "It can't be {duration_ms} ms long: the programme is {programme_ms} ms. "
        "Give 1 to {programme_ms} ms, or leave it out to air all of the programme."
    )


class NothingToChange(Invalid):
    slug = "airing-nothing-to-change"
    vi = "Chưa nêu chương trình hay thời lượng mới. Hãy nêu ít nhất một trong hai."
    en = "Neither a programme nor a length is given. Give one of them."


class UnknownProgramme(Invalid):
    slug = "schedule-unknown-programme"
    vi = "Không có chương trình “{id}”. Hãy chọn một chương trình trong danh sách."
    en = "There is no programme “{id}”. Choose one from the list."


class UnknownUnits(Invalid):
    slug = "schedule-unknown-units"
    vi = "Không có đơn vị: {ids}. Hãy chọn lại nơi nhận trong danh sách."
    en = "There are no such units: {ids}. Choose the targets from the list."


class UnknownGroups(Invalid):
    slug = "schedule-unknown-groups"
    vi = "Không có cụm xã, khu vực: {ids}. Hãy chọn lại nơi nhận trong danh sách."
    en = "There are no such groups of units: {ids}. Choose the targets from the list."


class UnknownReceivers(Invalid):
    slug = "schedule-unknown-receivers"
    vi = "Không có bộ thu: {ids}. Hãy chọn lại nơi nhận trong danh sách."
    en = "There are no such receivers: {ids}. Choose the targets from the list."


class NobodyHears(Conflict):
    slug = "schedule-nobody-hears"
    vi = (
        "Chưa có bộ thu nào đang dùng ở nơi nhận: {names}. Hãy chọn nơi khác, cấp bộ thu trước, "
        "hoặc xác nhận là lịch được lập trước khi có bộ thu (without_receivers)."
    )
    en = (
        "No receiver is in use at the targets: {names}. Choose others, enrol receivers first, "
        "or confirm that the schedule comes before its receivers (without_receivers)."
    )


class ScheduleNotFound(NotFound):
    vi = "Không tìm thấy lịch phát “{id}”. Hãy kiểm tra lại mã hoặc quay về danh sách."
    en = "No schedule “{id}”. Check the identifier or go back to the list."


class AiringNotFound(NotFound):
    vi = "Không tìm thấy lần phát “{id}”. Hãy kiểm tra lại mã hoặc quay về danh sách."
    en = "No airing “{id}”. Check the identifier or go back to the list."


class ScheduleCancelled(Conflict):
    slug = "schedule-cancelled"
    vi = "Lịch phát “{title}” đã hủy nên không sửa được nữa. Hãy lập lịch mới."
    en = "The schedule “{title}” is cancelled and can't be changed any more. Make a new one."


class ScheduleChanged(Conflict):
    slug = "schedule-changed"
    vi = "Lịch phát “{title}” vừa có người sửa (bản {version}). Hãy tải lại rồi sửa tiếp."
    en = "Someone has just changed the schedule “{title}” (version {version}). Load it again and redo the change."


class AiringBegun(Conflict):
    slug = "airing-begun"
    vi = "Lần phát lúc {at} đã bắt đầu hoặc đã xong nên không hủy, không dời được. Nếu đang phát, hãy dùng lệnh dừng."
    en = "The airing of {at} has begun or is over: it can't be cancelled or moved. If it sounds, use the stop command."


class AiringNotScheduled(Conflict):
    slug = "airing-not-scheduled"
    vi = "Lần phát lúc {at} đã hủy hoặc đã khép nên không dời được. Hãy lập lịch mới."
    en = "The airing of {at} is cancelled or closed and can't be moved. Make a new schedule."


class AiringReplaced(Conflict):
    slug = "airing-replaced"
    vi = "Lần phát lúc {at} đã được chuyển sang {successor}; hãy hủy lần phát đó."
    en = "The airing of {at} was moved to {successor}: cancel that one."


class NotLeader(Conflict):
    """This process does not lead (any more): what it was about to do belongs to another one."""

    slug = "not-leader"
    status = 503
    vi = "Tiến trình này không giữ quyền điều hành “{name}”. Tiến trình đang giữ quyền sẽ làm việc này."
    en = "This process does not lead “{name}”. The one that leads will do it."
