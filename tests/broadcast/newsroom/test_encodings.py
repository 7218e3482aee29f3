"""Files that are read, and files that are refused by name."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast import encodings, samples
from broadcast.encodings import (
    BYTES_MAX,
    EncodingUnknown,
    FileIsEmpty,
    FileNotText,
    FileTooLarge,
    LegacyEncoding,
    TextDamaged,
    check,
    decode,
)
from core.errors import TruyenThanhError

TEXT = samples.dispatch_text()
TONES = "\u0300\u0301\u0303\u0309\u0323"


def by_table(table: str) -> Callable[[str], bytes]:
    """Write with a table of the bytes from 0x80; a capital that it lacks is written small, as those fonts did."""
    codes = {character: 0x80 + i for i, character in reversed(list(enumerate(table)))}

    def write(text: str) -> bytes:
        return bytes(ord(c) if ord(c) < 128 else codes.get(c) or codes.get(c.lower()) or ord("?") for c in text)

    return write


def vni(text: str) -> bytes:
    """Write as VNI does: a letter, then a byte for its marks."""
    marks = {"".join(sorted(v)): k for k, v in encodings._VNI_MARKS.items()}
    letters = {v: k for k, v in encodings._VNI_LETTERS.items()}
    out = ""
    for character in text:
        small = character.lower()
        if ord(small) < 128:
            written = small
        elif small in letters:
            written = letters[small]
        elif small[0] in "“”–":
            written = '"' if small in "“”" else "-"
        else:
            base, *rest = list(unicodedata.normalize("NFD", small))
            if "\u031b" in rest:
                base = {"o": "ô", "u": "ö"}[base]
                rest.remove("\u031b")
            written = base + (marks["".join(sorted(rest))] if rest else "")
        out += written.upper() if character != small else written
    return out.encode("latin-1")


def windows_1258(text: str) -> bytes:
    out = b""
    for character in text:
        try:
            out += character.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", character)
            base = unicodedata.normalize("NFC", "".join(c for c in parts if c not in TONES))
            out += (base + "".join(c for c in parts if c in TONES)).encode("cp1258")
    return out


OLD: dict[str, Callable[[str], bytes]] = {
    "TCVN3 (ABC)": by_table(encodings._TCVN3),
    "VISCII": by_table(encodings._VISCII),
    "VPS": by_table(encodings._VPS),
    "VNI-Windows": vni,
    "Windows-1258": windows_1258,
}


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read(codec: str) -> None:
    assert decode(TEXT.encode(codec)) == TEXT


def test_utf16_of_the_other_order_is_read() -> None:
    assert decode(b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT


def test_decomposed_letters_are_read() -> None:
    assert decode(unicodedata.normalize("NFD", TEXT).encode()) == unicodedata.normalize("NFD", TEXT)


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("text", [TEXT, "Cộng hòa xã hội chủ nghĩa Việt Nam", "Kế hoạch tuyên truyền phòng cháy"])
def test_an_old_encoding_is_named(name: str, text: str) -> None:
    with pytest.raises(LegacyEncoding) as caught:
        decode(OLD[name](text))
    assert caught.value.facts["encoding"] == name
    assert "UniKey" in caught.value.text("vi")
    assert name in caught.value.text("en")


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("taken_for", ["cp1252", "latin-1"])
def test_old_text_saved_as_utf8_without_converting_is_named(name: str, taken_for: str) -> None:
    saved = OLD[name](TEXT).decode(taken_for, "ignore").encode()
    with pytest.raises(LegacyEncoding) as caught:
        decode(saved)
    assert caught.value.facts["encoding"] == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam", "TCVN3 (ABC)"),
        ("COÄNG HOØA XAÕ HOÄI CHUÛ NGHÓA VIEÄT NAM", "VNI-Windows"),
        ("Cá»™ng hÃ²a xÃ£ há»™i chá»§ nghÄ©a Viá»‡t Nam", "UTF-8 bị mở nhầm bảng mã rồi lưu lại"),
    ],
)
def test_what_people_paste_is_named(text: str, name: str) -> None:
    with pytest.raises(LegacyEncoding) as caught:
        check(text)
    assert caught.value.facts["encoding"] == name
    assert "hội" in caught.value.facts["preview"].lower()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "Không dấu: thong bao mat dien",
        "Café déjà vu, façade à la carte",
        "Größe für Straße",
        "Điểm K’Pang",
        "HĐ 3 năm",
        "500 đồng/HĐ",
        "m²/người",
    ],
)
def test_sound_text_is_left_alone(text: str) -> None:
    check(text)


def office(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, "<xml/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (office("word/document.xml"), "Word"),
        (office("xl/workbook.xml"), "Excel"),
        (office("notes.txt"), "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "Word"),
        (b"{\\rtf1\\ansi C\\'f4ng}", "RTF"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (bytes(range(256)) * 4, "nhị phân"),
    ],
)
def test_what_is_no_text_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(FileNotText) as caught:
        decode(data)
    assert kind in caught.value.facts["kind_vi"]
    assert caught.value.text("vi").count("Hãy") == 1 or kind == "nhị phân"


@pytest.mark.parametrize("data", [b"", b"  \r\n\t", b"\xef\xbb\xbf", "\ufeff \n".encode("utf-16")])
def test_an_empty_file_is_named(data: bytes) -> None:
    with pytest.raises(FileIsEmpty):
        decode(data)


def test_a_file_that_is_too_large_is_named() -> None:
    with pytest.raises(FileTooLarge) as caught:
        decode(b"a" * (BYTES_MAX + 1))
    assert caught.value.facts == {"kib": 1025, "limit_kib": 1024}


def test_a_damaged_text_says_where() -> None:
    data = TEXT.encode()
    at = data.index("Thực hiện".encode()) + 3  # in the middle of "ự"
    with pytest.raises(TextDamaged) as caught:
        decode(data[:at] + data[at + 1 :])
    assert "Th" in caught.value.facts["around"]
    with pytest.raises(TextDamaged):
        decode(TEXT.replace("xã", "x\ufffd").encode())


def test_utf16_without_its_mark_is_named() -> None:
    with pytest.raises(LegacyEncoding) as caught:
        decode(TEXT.encode("utf-16-le"))
    assert "UTF-16" in caught.value.facts["encoding"]


def test_noise_is_not_taken_for_anything() -> None:
    with pytest.raises(EncodingUnknown):
        decode(bytes(range(0xC0, 0xFF)) * 20)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_a_named_error(data: bytes) -> None:
    try:
        said = decode(data)
    except TruyenThanhError as error:
        said = error.text("vi")
    assert said.strip("\ufeff").strip()


@pytest.mark.parametrize("text", ["- Thành phần: đ/c Bí thư ĐU, CT HĐND, các đ/c UVBCH.", "Đ/c Bí thư: các đ/c ở ấp."])
def test_a_line_of_abbreviations_with_strokes_is_not_taken_for_an_old_encoding(text: str) -> None:
    assert encodings.decode(text.encode()) == text
