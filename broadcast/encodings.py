"""From the bytes of a file to Vietnamese text, and the names of what can't be read.

UTF-8 (with or without a byte order mark) and UTF-16 with one are read. Everything else is refused *by name*, because
a person can mend only what is named: PDF and Word files, scans, and the old Vietnamese encodings. These are told
apart by decoding with each of them and counting how many words come out as possible Vietnamese syllables. The same
count finds old text that some program re-saved as UTF-8 without converting it ("Céng hßa x· héi", "COÄNG HOØA").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from broadcast.styled import plain_letters
from core.errors import TruyenThanhError

BYTES_MAX = 1_048_576  # a dispatch of a hundred pages is about 300 KiB of UTF-8
_SAMPLE_CHARACTERS = 20_000  # enough to tell an encoding; the whole is not needed
_SURE = 0.75  # share of accented words that must be possible syllables
_FOREIGN_MOST = 0.25  # share of letters that a code page may lack in a text that came through it
_PREVIEW_CHARACTERS = 60


class FileIsEmpty(TruyenThanhError):
    slug = "file-empty"
    status = 422
    vi = "Tệp văn bản trống, không có chữ nào. Hãy chọn lại tệp."
    en = "The file is empty. Choose another file."


class FileTooLarge(TruyenThanhError):
    slug = "file-too-large"
    status = 413
    vi = "Tệp dài {kib} KiB, giới hạn là {limit_kib} KiB. Hãy chỉ lấy phần chữ của văn bản, bỏ phụ lục và hình."
    en = "The file has {kib} KiB, the limit is {limit_kib} KiB. Keep the text itself, drop annexes and pictures."


class FileNotText(TruyenThanhError):
    slug = "file-not-text"
    status = 415
    vi = "Đây là {kind_vi}, không phải văn bản thuần. {mend_vi}"
    en = "This is {kind_en}, not plain text. {mend_en}"


class LegacyEncoding(TruyenThanhError):
    slug = "legacy-encoding"
    status = 415
    vi = (
        "Văn bản dùng bảng mã cũ {encoding}, chưa phải Unicode (đọc thử: “{preview}”). Hãy chuyển mã sang Unicode, "
        "chẳng hạn bằng UniKey (mục Công cụ, Ctrl+Shift+F6), rồi lưu thành tệp .txt dạng UTF-8 và đưa vào lại."
    )
    en = (
        "The text is in the old encoding {encoding}, not Unicode (it seems to say “{preview}”). Convert it to Unicode, "
        "for example with UniKey's toolkit (Ctrl+Shift+F6), save it as UTF-8 .txt and try again."
    )


class TextDamaged(TruyenThanhError):
    slug = "text-damaged"
    status = 422
    vi = (
        "Văn bản có chỗ hỏng chữ (ký tự thứ {position}: “{around}”). "
        "Hãy lấy lại bản gốc và lưu thành tệp .txt dạng UTF-8, không sửa bằng tay chỗ hỏng."
    )
    en = "The text is damaged at character {position} (“{around}”). Get the original again and save it as UTF-8 .txt."


class EncodingUnknown(TruyenThanhError):
    slug = "encoding-unknown"
    status = 415
    vi = "Không nhận ra bảng mã của tệp. Hãy mở tệp ở nơi còn đọc được chữ và lưu lại thành tệp .txt dạng UTF-8."
    en = "The encoding of the file is not known. Open it where it can still be read and save it as UTF-8 .txt."


_SAVE_VI = "Hãy mở tệp, chọn “Lưu thành” dạng văn bản thuần (.txt) với mã UTF-8, rồi đưa tệp .txt vào."
_SAVE_EN = "Open it, save it as plain text (.txt) in UTF-8, and give that file."
_COPY_VI = "Hãy mở tệp, chép phần chữ sang tệp .txt dạng UTF-8, rồi đưa tệp .txt vào."
_COPY_EN = "Open it, copy its text to a .txt file in UTF-8, and give that file."
_SCAN_VI = "Hãy lấy bản có chữ từ nơi gửi, hoặc đánh máy lại thành tệp .txt dạng UTF-8."
_SCAN_EN = "Ask the sender for the text, or type it into a .txt file in UTF-8."


@dataclass(frozen=True, slots=True)
class _Kind:
    vi: str
    en: str
    mend_vi: str = _SAVE_VI
    mend_en: str = _SAVE_EN

    def error(self) -> FileNotText:
        return FileNotText(kind_vi=self.vi, kind_en=self.en, mend_vi=self.mend_vi, mend_en=self.mend_en)


_WORD = _Kind("tệp Word (.docx)", "a Word file (.docx)")
_MAGIC: tuple[tuple[bytes, _Kind], ...] = (
    (b"%PDF", _Kind("tệp PDF", "a PDF file", _COPY_VI, _COPY_EN)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _Kind("tệp Word đời cũ (.doc)", "an old Word file (.doc)")),
    (b"{\\rtf", _Kind("tệp RTF", "an RTF file")),
    (b"\xff\xd8\xff", _Kind("ảnh chụp hoặc bản quét (JPEG)", "a photograph or scan (JPEG)", _SCAN_VI, _SCAN_EN)),
    (b"\x89PNG", _Kind("ảnh (PNG)", "a picture (PNG)", _SCAN_VI, _SCAN_EN)),
    (b"II*\x00", _Kind("bản quét (TIFF)", "a scan (TIFF)", _SCAN_VI, _SCAN_EN)),
    (b"MM\x00*", _Kind("bản quét (TIFF)", "a scan (TIFF)", _SCAN_VI, _SCAN_EN)),
    (b"Rar!", _Kind("tệp nén RAR", "a RAR archive", "Hãy giải nén trước.", "Unpack it first.")),
    (b"7z\xbc\xaf", _Kind("tệp nén 7-Zip", "a 7-Zip archive", "Hãy giải nén trước.", "Unpack it first.")),
    (b"\x1f\x8b", _Kind("tệp nén GZIP", "a gzip archive", "Hãy giải nén trước.", "Unpack it first.")),
)
_ZIP_MEMBERS: tuple[tuple[bytes, _Kind], ...] = (
    (b"word/", _WORD),
    (b"xl/", _Kind("tệp Excel (.xlsx)", "an Excel file (.xlsx)", _COPY_VI, _COPY_EN)),
    (b"ppt/", _Kind("tệp PowerPoint (.pptx)", "a PowerPoint file (.pptx)", _COPY_VI, _COPY_EN)),
    (b"opendocument.text", _Kind("tệp LibreOffice (.odt)", "a LibreOffice file (.odt)")),
)
_ZIP = _Kind("tệp nén ZIP", "a ZIP archive", "Hãy giải nén trước.", "Unpack it first.")
_WEB = _Kind("trang web (HTML)", "a web page (HTML)", _COPY_VI, _COPY_EN)
_BINARY = _Kind("tệp nhị phân", "a binary file")


def decode(data: bytes) -> str:
    """The text of a file, letters dressed up for social networks made plain.

    Raises FileIsEmpty, FileTooLarge, FileNotText, LegacyEncoding, TextDamaged or EncodingUnknown, each with what to do.
    """
    if len(data) > BYTES_MAX:
        raise FileTooLarge(kib=-(-len(data) // 1024), limit_kib=BYTES_MAX // 1024)
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf\xfe\xff"):
        raise FileIsEmpty
    _refuse_known_kinds(data)
    text = _decode_unicode(data)
    if text is None:
        raise _named(data)
    text = plain_letters(text)
    check(text)
    return text


def check(text: str) -> None:
    """Raise if this Unicode text is empty, binary, damaged, or old Vietnamese that was never converted."""
    if not text.replace("\ufeff", "").replace("\x00", "").strip():
        raise FileIsEmpty
    if "\x00" in text:
        raise _BINARY.error()
    if "\ufffd" in text:
        at = text.index("\ufffd")
        raise TextDamaged(position=at + 1, around=" ".join(text[max(0, at - 20) : at + 20].split()))
    found = unconverted(text)
    if found is not None:
        raise found


def unconverted(text: str) -> LegacyEncoding | None:
    """The error that names the old encoding inside a Unicode text ("Céng hßa x· héi"), or None where it is sound."""
    sample = text[:_SAMPLE_CHARACTERS]
    own = _vietnamese(sample)
    if own.share >= _SURE or not any(c >= "\x80" for c in sample):
        return None
    best: tuple[_Score, str, str] | None = None
    for page in ("cp1252", "cp1258"):  # what the program that re-saved it took the bytes for
        if _foreign_share(sample, page) > _FOREIGN_MOST:
            continue
        raw = _bytes_again(sample, page)
        for name, reading in _readings(raw):
            score = _vietnamese(reading)
            if score.better_than(best[0] if best else own):
                best = (score, name, reading)
    if best is None or not best[0].sure or best[0].share < own.share + 0.25:
        return None
    return LegacyEncoding(encoding=best[1], preview=_preview(best[2]))


def _refuse_known_kinds(data: bytes) -> None:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise kind.error()
    if data.startswith(b"PK\x03\x04"):
        raise next((kind for member, kind in _ZIP_MEMBERS if member in data), _ZIP).error()
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", data[:512], re.IGNORECASE):
        raise _WEB.error()


def _decode_unicode(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise LegacyEncoding(encoding="UTF-32", preview=_preview(data.decode("utf-32", "replace")))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            good = data[: error.start].decode("utf-16", "ignore")
            raise TextDamaged(position=len(good) + 1, around=good[-20:]) from error
    if b"\x00" in data:
        raise _utf16_without_mark(data) or _BINARY.error()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _utf16_without_mark(data: bytes) -> LegacyEncoding | None:
    for codec in ("utf-16-le", "utf-16-be"):
        try:
            reading = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if _vietnamese(reading[:_SAMPLE_CHARACTERS]).sure:
            return LegacyEncoding(encoding="UTF-16 không có dấu BOM", preview=_preview(reading))
    return None


def _named(data: bytes) -> TruyenThanhError:
    """The error for bytes that are not UTF-8."""
    sample = data[:_SAMPLE_CHARACTERS]
    best: tuple[_Score, str, str] | None = None
    for name, reading in _readings(sample):
        score = _vietnamese(reading)
        if score.sure and (best is None or score.better_than(best[0])):
            best = (score, name, reading)
    damaged = data.decode("utf-8-sig", "replace")
    own = _vietnamese(damaged[:_SAMPLE_CHARACTERS])
    if own.sure and (best is None or not best[0].better_than(own)):
        at = damaged.index("\ufffd")
        return TextDamaged(position=at + 1, around=" ".join(damaged[max(0, at - 20) : at + 20].split()))
    if best is None:
        return EncodingUnknown()
    return LegacyEncoding(encoding=best[1], preview=_preview(best[2]))


def _readings(raw: bytes) -> Iterator[tuple[str, str]]:
    for name, read in _ENCODINGS:
        yield name, unicodedata.normalize("NFC", read(raw))


def _foreign_share(text: str, page: str) -> float:
    """Of the letters outside ASCII, how many the code page doesn't have: a text of ầ, ư and đ never was cp1252."""
    letters = [letter for letter in text if letter >= "\x80" and letter.isalpha()]
    return sum(not letter.encode(page, "ignore") and ord(letter) >= 256 for letter in letters) / max(len(letters), 1)


def _bytes_again(text: str, page: str) -> bytes:
    """The bytes that a program took for `page`; what is in no code page becomes a blank."""
    out = bytearray()
    for character in text:
        try:
            out += character.encode(page)
        except UnicodeEncodeError:
            out.append(ord(character) if ord(character) < 256 else 0x20)
    return bytes(out)


def _preview(text: str) -> str:
    line = " ".join(text[:400].split()).lstrip("\ufeff")
    return line if len(line) <= _PREVIEW_CHARACTERS else line[: _PREVIEW_CHARACTERS - 1].rstrip() + "…"


# --- How Vietnamese a text is ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Score:
    """Of the words with a letter outside ASCII, abbreviations aside: how many are syllables, how many common."""

    good: int
    common: int
    words: int

    @property
    def share(self) -> float:
        return self.good / self.words if self.words else 0.0

    @property
    def sure(self) -> bool:
        return self.good >= 2 and self.share >= _SURE

    def better_than(self, other: _Score) -> bool:
        return (round(self.share, 1), self.common, self.share, self.good) > (
            round(other.share, 1),
            other.common,
            other.share,
            other.good,
        )


_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_ONSETS = "ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|b|c|d|đ|g|h|k|l|m|n|p|r|s|t|v|x|"
_RHYMES = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo ep et "
    "ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oac oach oai oan oang oanh "
    "oao oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong oong op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn "
    "ơp ơt u ua uân uâng uât uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt uơ up ut uy uya uyên uyêt uynh "
    "uych uyt uyu ư ưa ưc ưi ưm ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu y yêm yên yêng yêt yêu ynh ych ông"
)
# A short text can be possible syllables in two encodings at once; the one with everyday words is the right one.
_COMMON_WORDS = (
    "của và là các những được cho về người dân nhân ủy tỉnh xã hội phường thành phố sở kế hoạch công văn số ngày "
    "tháng năm cộng hòa hoà chủ nghĩa việt độc lập tự hạnh phúc phòng chống tuyên truyền thực hiện đề nghị gửi kính "
    "tổ chức cháy chữa bảo vệ an toàn trật địa bàn đơn vị thông báo quyết định hướng dẫn chỉ thị điện trên với từ đến"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_SYLLABLE = re.compile(f"(?:{_ONSETS})(?:{'|'.join(sorted(set(_RHYMES.split()), key=len, reverse=True))})")
_CAPITALS = re.compile("[A-ZĐƠƯ]{2,7}")  # HĐ, UBMTTQ: an abbreviation says nothing of the encoding; nor does đ/c
_ACCENTED_WORD = re.compile(r"\b(?=\w*[^\W\d_a-zA-Z])[^\W\d_]+\b")


def _vietnamese(text: str) -> _Score:
    found = _ACCENTED_WORD.findall(re.sub(r"\b[kcd]?m[²³]", " ", unicodedata.normalize("NFC", text)))
    words = [word for word in found if not _CAPITALS.fullmatch(word) and word not in {"đ", "Đ"}]
    common = sum(word.lower() in _COMMON for word in words)
    return _Score(sum(map(_is_syllable, words)), common, len(words))


def _is_syllable(word: str) -> bool:
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFD", word.lower()).translate(_TONES))
    return _SYLLABLE.fullmatch(plain) is not None


# --- The old encodings: what the bytes 0x80…0xFF mean ------------------------------------------------------------

_HOLE = "\ufffd"
_TCVN3 = (
    "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ"
    "\xa0ĂÂÊÔƠƯĐăâêôơưđẶ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ"
    "ẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịò"
    "ỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)
_VISCII = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ"
    "ÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡư"
    "àáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VPS = (
    f"{_HOLE}ẢÃẤẦẨọỗĂếềểệẮ{_HOLE}{_HOLE}Ế{_HOLE}{_HOLE}ỀỂỄỐỒỔỖýỷỵỚ{_HOLE}Ở"
    f"{_HOLE}ắằẳẵặỠớÙờởỡŨỨợỪổỬỲ{_HOLE}ÍÌộỈĨÓửữÒỎ{_HOLE}ự"
    f"ầÁÂấẩẫậđẻÉÊẹỉễịỹƯỦồốÔỏơÈừứÚũưÝẺ{_HOLE}"
    f"àáâãảạă{_HOLE}èéêẽìí{_HOLE}ĩ{_HOLE}Đòóôõ{_HOLE}Ơụùúủ{_HOLE}{_HOLE}Ẽỳ"
)
# VNI writes a letter and then a byte for its marks; a few letters are one byte.
_VNI_MARKS = {
    "ù": "\u0301", "ø": "\u0300", "ï": "\u0323", "û": "\u0309", "õ": "\u0303",
    "â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300", "ä": "\u0302\u0323", "å": "\u0302\u0309",
    "ã": "\u0302\u0303",
    "ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300", "ë": "\u0306\u0323", "ú": "\u0306\u0309",
    "ü": "\u0306\u0303",
}  # fmt: skip
_VNI_LETTERS = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "ò": "ị", "æ": "ỉ", "ó": "ĩ", "î": "ỵ"}
_VNI_UNIT = re.compile(r"([aeouyAEOUYôöÔÖ])([ùøïûõâáàäåãêéèëúü])", re.IGNORECASE)


def _by_table(table: str) -> Callable[[bytes], str]:
    mapping = {0x80 + i: character for i, character in enumerate(table)}

    def read(raw: bytes) -> str:
        return raw.decode("latin-1").translate(mapping)

    return read


def _read_vni(raw: bytes) -> str:
    def compose(unit: re.Match[str]) -> str:
        letter, mark = unit[1], unit[2]
        base = {"ô": "ơ", "ö": "ư", "Ô": "Ơ", "Ö": "Ư"}.get(letter, letter)
        return f"{base}{_VNI_MARKS[mark.lower()]}\u200b"  # the zero-width blank keeps it from being read again

    marked = _VNI_UNIT.sub(compose, raw.decode("latin-1"))
    single = {**_VNI_LETTERS, **{k.upper(): v.upper() for k, v in _VNI_LETTERS.items()}}
    return re.sub(r"[ñôöíìòæóîÑÔÖÍÌÒÆÓÎ]", lambda m: single[m[0]], marked).replace("\u200b", "")


def _read_utf8_twice(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


_ENCODINGS: tuple[tuple[str, Callable[[bytes], str]], ...] = (
    ("TCVN3 (ABC)", _by_table(_TCVN3)),
    ("VNI-Windows", _read_vni),
    ("VISCII", _by_table(_VISCII)),
    ("VPS", _by_table(_VPS)),
    ("Windows-1258", lambda raw: raw.decode("cp1258", "replace")),
    ("UTF-8 bị mở nhầm bảng mã rồi lưu lại", _read_utf8_twice),
)
