"""What goes wrong at the door."""

from __future__ import annotations

from core.errors import Forbidden, TruyenThanhError


class NotLoggedIn(TruyenThanhError):
    slug = "not-logged-in"
    status = 401
    vi = "Chưa đăng nhập, hoặc phiên đăng nhập đã hết hạn. Hãy đăng nhập rồi làm lại."
    en = "You are not logged in, or the login has expired. Log in and try again."


class LoginFailed(TruyenThanhError):
    """The same text whatever was wrong, so that nobody learns which names exist."""

    slug = "login-failed"
    status = 401
    vi = "Tên đăng nhập hoặc mật khẩu không đúng. Hãy kiểm tra phím Caps Lock và bộ gõ tiếng Việt rồi nhập lại."
    en = "The user name or the password is wrong. Check Caps Lock and the keyboard layout, then try again."


class TooManyAttempts(TruyenThanhError):
    slug = "too-many-attempts"
    status = 429
    vi = "Đã nhập sai nhiều lần. Hãy chờ {wait} rồi thử lại; nếu quên mật khẩu, nhờ người quản trị đặt mật khẩu mới."
    en = "Too many failed logins. Wait {seconds} seconds and try again; an administrator can set a new password."


class TooManyRefused(TruyenThanhError):
    """Boxes from one address that were refused again and again."""

    slug = "too-many-refused"
    status = 429
    vi = "Địa chỉ này đã bị từ chối nhiều lần. Hãy chờ {wait}, kiểm tra mã ghi danh trên phiếu rồi thử lại."
    en = "This address was refused too often. Wait {seconds} seconds, check the code on the sheet, and try again."


class CrossSite(TruyenThanhError):
    slug = "cross-site-request"
    status = 403
    vi = "Yêu cầu không gửi từ trang của hệ thống này nên không được thực hiện. Hãy mở lại trang rồi làm lại."
    en = "The request did not come from a page of this site, so it was not carried out. Reload the page and try again."


class FormExpired(TruyenThanhError):
    slug = "form-expired"
    status = 403
    vi = "Trang này đã mở quá lâu hoặc đã đăng nhập lại ở nơi khác. Hãy tải lại trang rồi làm lại; chưa có gì thay đổi."
    en = "This form is no longer valid. Reload the page and try again; nothing was changed."


class PasswordTooShort(TruyenThanhError):
    slug = "password-too-short"
    status = 422
    vi = "Mật khẩu có {length} ký tự, cần ít nhất {least}. Hãy ghép vài từ dễ nhớ thành một câu."
    en = "The password has {length} characters and needs at least {least}. Join a few words into a phrase."


class PasswordTooEasy(TruyenThanhError):
    slug = "password-too-easy"
    status = 422
    vi = "Mật khẩu này quá dễ đoán (lặp ký tự, hoặc trùng tên đăng nhập). Hãy chọn một câu khác."
    en = "This password is too easy to guess (repeated characters, or the user name). Choose another phrase."


class NotHere(Forbidden):
    """The right is held, but not at this place."""

    vi = "Tài khoản này chỉ xem được ở đây: quyền {what} không gồm nơi này. Hãy nhờ người phụ trách nơi đó."
    en = (
        "This account may only look here: its right to {what} doesn't extend to this place. Ask who is in charge there."
    )
