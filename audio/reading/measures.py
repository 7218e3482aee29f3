"""Units of measure and of money, and what things are counted by, in small letters as they are looked up.

Measures are put together of prefixes and units (`kWh`, `µg`, `mmol`), as far as texts use them.
"""

from __future__ import annotations

from typing import Final

MONEY: Final = {
    "đồng": "đồng", "đ": "đồng", "vnđ": "đồng", "vnd": "đồng", "usd": "đô la mỹ", "$": "đô la", "eur": "ơ rô",
    "€": "ơ rô", "ndt": "nhân dân tệ", "cny": "nhân dân tệ", "euro": "ơ rô",
    "jpy": "yên nhật", "krw": "uôn", "sgd": "đô la xinh ga po",
    "thb": "bạt", "lak": "kíp", "gbp": "bảng anh", "aud": "đô la úc", "k": "nghìn", "tr": "triệu", "trđ": "triệu đồng",
    "tr.đ": "triệu đồng", "tỷ": "tỷ", "tỉ": "tỷ", "triệu": "triệu", "nghìn": "nghìn", "ngàn": "nghìn",
}  # fmt: skip

_PREFIXES: Final = {
    "": "", "k": "ki lô ", "m": "mi li ", "µ": "mi crô ", "μ": "mi crô ", "n": "na nô ", "c": "xăng ti ",
    "d": "đề xi ", "h": "héc tô ", "g": "gi ga ", "t": "tê ra ", "M": "mê ga ", "G": "gi ga ",
}  # fmt: skip
# Unit, its reading, and the prefixes that it is met with; in small letters m is mi li, M is mê ga.
_COMPOSED: Final = (
    ("m", "mét", ("", "k", "c", "m", "d", "h", "µ", "μ", "n")), ("g", "gam", ("", "k", "m", "µ", "μ", "n")),
    ("l", "lít", ("", "m", "d", "c", "µ", "μ", "h")), ("wh", "oát giờ", ("", "k", "M", "G")),
    ("w", "oát", ("", "k", "M", "G")), ("v", "vôn", ("", "k", "m")), ("ah", "ăm pe giờ", ("", "m")),
    ("va", "vôn ăm pe", ("k", "M")), ("wp", "oát pích", ("k", "M")), ("pa", "pát can", ("k", "M", "h")),
    ("hz", "héc", ("", "k", "M", "G")), ("mol", "mon", ("m", "µ", "μ")),
    ("b", "bai", ("k", "M", "G", "t")), ("bps", "bít trên giây", ("k", "M", "G")), ("cal", "ca lo", ("k",)),
    ("n", "niu tơn", ("k",)),
)  # fmt: skip
_POWERS: Final = {"2": "vuông", "²": "vuông", "3": "khối", "³": "khối"}
_BY_THEMSELVES: Final = {
    "km/h": "ki lô mét trên giờ", "km/giờ": "ki lô mét trên giờ", "kmh": "ki lô mét trên giờ",
    "°c": "độ xê", "ºc": "độ xê", "oc": "độ xê", "độ c": "độ xê", "°f": "độ ép", "độ f": "độ ép", "°": "độ",
    "º": "độ", "db": "đề xi ben", "dba": "đề xi ben a", "mmhg": "mi li mét thủy ngân", "%": "phần trăm",
    "‰": "phần nghìn", "ha": "héc ta", "gr": "gam", "lít": "lít", "tấn": "tấn", "tạ": "tạ", "yến": "yến",
    "ppm": "phần triệu", "ppb": "phần tỷ", "cc": "xê xê", "iu": "đơn vị quốc tế", "inch": "in", "lux": "lúc",
    "hp": "mã lực", "cfu": "xê ép u", "teu": "tê e u", "mbps": "mê ga bít trên giây", "mpx": "mê ga pích xeo",
    "m3/s": "mét khối trên giây", "m³/s": "mét khối trên giây", "l/s": "lít trên giây", "m/s": "mét trên giây",
}  # fmt: skip


def _measures() -> dict[str, str]:
    table: dict[str, str] = {}
    for unit, said, prefixes in _COMPOSED:
        for prefix in prefixes:
            table.setdefault((prefix + unit).lower(), _PREFIXES[prefix] + said)
    for length in ("m", "km", "cm", "mm", "dm"):
        table |= {length + power: f"{table[length]} {how}" for power, how in _POWERS.items()}
    return table | _BY_THEMSELVES


MEASURES: Final = _measures()

# What one thing is counted by behind a stroke: 300.000 đồng/tháng, 2 lần/ngày, 5 tấn/ha, 25 mg/dl.
EACH: Final = {name: said for name, said in MEASURES.items() if name[-1].isalnum() and name not in {"w", "v"}} | {
    "ngày": "ngày", "tháng": "tháng", "năm": "năm", "tuần": "tuần", "giờ": "giờ", "h": "giờ", "quý": "quý",
    "đêm": "đêm", "phút": "phút", "giây": "giây", "người": "người", "hộ": "hộ", "lần": "lần", "buổi": "buổi",
    "usd": "đô la mỹ", "eur": "ơ rô", "euro": "ơ rô", "vnđ": "đồng", "thùng": "thùng", "hs": "học sinh",
    "ngày đêm": "ngày đêm", "ngđ": "ngày đêm", "ng.đ": "ngày đêm",
    "s": "giây", "cháu": "cháu", "em": "em", "suất": "suất", "xã": "xã",
    "thôn": "thôn", "sào": "sào", "con": "con", "chiếc": "chiếc", "cái": "cái", "lượt": "lượt", "vụ": "vụ",
    "học sinh": "học sinh", "đợt": "đợt", "lượng": "lượng", "chỉ": "chỉ", "bao": "bao", "hecta": "héc ta",
    "ca": "ca", "khẩu": "khẩu", "nhân khẩu": "nhân khẩu", "mũi": "mũi", "liều": "liều", "cây": "cây", "vé": "vé",
    "bộ": "bộ", "chuyến": "chuyến", "kỳ": "kỳ", "tiết": "tiết", "trang": "trang", "hộp": "hộp", "gói": "gói",
    "gia đình": "gia đình", "trường hợp": "trường hợp", "bình": "bình", "lứa": "lứa", "nhà": "nhà", "khóm": "khóm",
}  # fmt: skip
