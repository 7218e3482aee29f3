"""Dispatches of many kinds, all written for these tests, with what a careful reader finds in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    text: str
    number: str | None = None
    code: str | None = None
    kind: str | None = None
    issued_on: date | None = None
    issued_text: str | None = None
    issuer: str | None = None
    subject: str | None = None
    addressees: tuple[str, ...] = ()
    observance: tuple[int, int] | None = None
    sections: tuple[str, ...] = ()  # numbers of the demands
    points: int = 0  # of all demands together
    references: tuple[str, ...] = ()


CASES: tuple[Case, ...] = (
    Case(
        "letter, number and day left blank, issuer only in the body",
        """Số:       /SYT-TTGDSK

Bắc Ninh, ngày      tháng 9 năm 2026

V/v tuyên truyền tiêm vắc xin sởi cho trẻ dưới 5 tuổi

Kính gửi:

- Trạm Y tế các xã, phường;
- Đài truyền thanh các xã, phường.

Thực hiện Công văn số 512/BYT-DP ngày 14/8/2026 của Bộ Y tế về tiêm bù vắc xin sởi, Sở Y tế đề nghị
các đơn vị làm tốt những việc sau:

1. Nội dung

- Lợi ích của việc tiêm đủ hai mũi.

- Lịch tiêm ở từng trạm.

2. Cách làm

- Phát trên loa mỗi ngày một lần.

Đề nghị các đơn vị quan tâm phối hợp./.

Nơi nhận:
- Như trên;
- Lưu: VT.
""",
        code="SYT-TTGDSK",
        issued_text="Bắc Ninh, ngày tháng 9 năm 2026",
        issuer="Sở Y tế",
        subject="tuyên truyền tiêm vắc xin sởi cho trẻ dưới 5 tuổi",
        addressees=("Trạm Y tế các xã, phường", "Đài truyền thanh các xã, phường"),
        sections=("1", "2"),
        points=3,
        references=("512/BYT-DP",),
    ),
    Case(
        "plan, two columns on one line each",
        """UBND TỈNH BẮC NINH          CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
CÔNG AN TỈNH                      Độc lập - Tự do - Hạnh phúc
_______                           ___________________________
Số: 214/KH-CAT-PC07          Bắc Ninh, ngày 02 tháng 11 năm 2026

KẾ HOẠCH
Tuyên truyền phòng cháy, chữa cháy mùa hanh khô 2026 - 2027

Căn cứ Luật Phòng cháy, chữa cháy và cứu nạn, cứu hộ số 55/2024/QH15; Công an tỉnh xây dựng kế hoạch như sau:

I. MỤC ĐÍCH, YÊU CẦU
1. Người dân biết cách giữ nhà an toàn.
2. Không để lọt hộ nào chưa được nhắc.

II. NỘI DUNG
1. Tắt bếp, rút điện trước khi ra khỏi nhà.
2. Mỗi nhà có một bình chữa cháy và một lối thoát thứ hai.
a) Dạy trẻ cách gọi 114.
b) Không khóa trái lối thoát.

III. TỔ CHỨC THỰC HIỆN
- Công an các xã, phường báo cáo kết quả trước ngày 15/3/2027.

KT. GIÁM ĐỐC
PHÓ GIÁM ĐỐC
""",
        number="214/KH-CAT-PC07",
        code="KH-CAT-PC07",
        kind="KẾ HOẠCH",
        issued_on=date(2026, 11, 2),
        issued_text="Bắc Ninh, ngày 02 tháng 11 năm 2026",
        issuer="CÔNG AN TỈNH",
        subject="Tuyên truyền phòng cháy, chữa cháy mùa hanh khô 2026 - 2027",
        sections=("I", "1", "2", "II", "1", "2", "III"),
        points=3,
        references=("55/2024/QH15",),
    ),
    Case(
        "telegram about a flood, 'Số 12/CĐ-UBND' without a colon, an hour in the date",
        """ỦY BAN NHÂN DÂN
TỈNH BẮC NINH
CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập – Tự do – Hạnh phúc

Số 12/CĐ-UBND

Bắc Ninh, hồi 16 giờ 30, ngày 7 tháng 9 năm 2026

CÔNG ĐIỆN
Về việc ứng phó lũ trên sông Cầu, sông Thương

CHỦ TỊCH ỦY BAN NHÂN DÂN TỈNH điện:

- Chủ tịch Ủy ban nhân dân các xã, phường ven sông;
- Giám đốc các Sở: Nông nghiệp và Môi trường, Xây dựng.

Theo tin của Đài Khí tượng Thủy văn, đêm nay lũ tiếp tục lên. Chủ tịch Ủy ban nhân dân tỉnh yêu cầu:

1. Báo ngay cho dân ở bãi sông dời đến nơi cao, xong trước 20 giờ.
2. Cấm đò ngang, cấm vớt củi.
3. Đài truyền thanh xã phát tin 30 phút một lần.

Công điện này gửi đến các đơn vị để thực hiện ngay./.
""",
        number="12/CĐ-UBND",
        code="CĐ-UBND",
        kind="CÔNG ĐIỆN",
        issued_on=date(2026, 9, 7),
        issued_text="Bắc Ninh, hồi 16 giờ 30, ngày 7 tháng 9 năm 2026",
        issuer="ỦY BAN NHÂN DÂN TỈNH BẮC NINH",
        subject="ứng phó lũ trên sông Cầu, sông Thương",
        addressees=(
            "Chủ tịch Ủy ban nhân dân các xã, phường ven sông",
            "Giám đốc các Sở: Nông nghiệp và Môi trường, Xây dựng",
        ),
        sections=("1", "2", "3"),
    ),
    Case(
        "drugs, the day in brackets with its year",
        """BAN CHỈ ĐẠO PHÒNG, CHỐNG TỘI PHẠM\r
TỈNH PHÚ THỌ\r
Số: 8/HD-BCĐ\r
Phú Thọ, ngày 20/5/2027\r
\r
HƯỚNG DẪN\r
Tuyên truyền Tháng hành động phòng, chống ma túy và Ngày toàn dân phòng, chống ma túy (26/6/2027)\r
\r
Kính gửi: Ủy ban nhân dân các xã, phường; Công an các xã, phường.\r
\r
Thi hành Quyết định số 1452/QĐ-TTg ngày 31/8/2021, Ban Chỉ đạo hướng dẫn như sau:\r
\r
1. Chủ đề: vì một cộng đồng không ma túy.\r
2. Nói với cha mẹ cách nhận ra con có dấu hiệu lạ; với bạn trẻ cách nói lời từ chối.\r
""",
        number="8/HD-BCĐ",
        code="HD-BCĐ",
        kind="HƯỚNG DẪN",
        issued_on=date(2027, 5, 20),
        issued_text="Phú Thọ, ngày 20/5/2027",
        issuer="BAN CHỈ ĐẠO PHÒNG, CHỐNG TỘI PHẠM TỈNH PHÚ THỌ",
        subject="Tuyên truyền Tháng hành động phòng, chống ma túy và Ngày toàn dân phòng, chống ma túy (26/6/2027)",
        addressees=("Ủy ban nhân dân các xã, phường", "Công an các xã, phường"),
        observance=(26, 6),
        sections=("1", "2"),
        references=("1452/QĐ-TTg",),
    ),
    Case(
        "election, head flattened column after column, Markdown asterisks",
        """**ỦY BAN BẦU CỬ TỈNH NGHỆ AN**

**Số: 31/UBBC-VP**

V/v truyền thanh về ngày bầu cử

**CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM**
**Độc lập - Tự do - Hạnh phúc**

*Nghệ An, ngày 3 tháng 2 năm 2026*

Kính gửi: Ủy ban bầu cử các xã, phường

Để mọi cử tri đều biết ngày bầu cử, Ủy ban bầu cử tỉnh đề nghị:

* Đọc thể lệ bầu cử trên loa vào buổi chiều.
* Nhắc cử tri xem tên mình ở nhà văn hóa thôn.
* Ngày bầu cử, phát nhạc từ 6 giờ 30 phút.
""",
        number="31/UBBC-VP",
        code="UBBC-VP",
        issued_on=date(2026, 2, 3),
        issued_text="Nghệ An, ngày 3 tháng 2 năm 2026",
        issuer="ỦY BAN BẦU CỬ TỈNH NGHỆ AN",
        subject="truyền thanh về ngày bầu cử",
        addressees=("Ủy ban bầu cử các xã, phường",),
        sections=("",),
        points=3,
    ),
    Case(
        "directive of a party committee, single spaces between the columns",
        """TỈNH ỦY LẠNG SƠN ĐẢNG CỘNG SẢN VIỆT NAM
Số 19-CT/TU Lạng Sơn, ngày 12 tháng 01 năm 2027

CHỈ THỊ
về bảo đảm Tết vui tươi, an toàn, tiết kiệm

Tết đang đến gần. Tỉnh ủy yêu cầu:

1. Các cấp ủy chăm lo người nghèo, người neo đơn.

2. Công an giữ trật tự, không để đốt pháo trái phép.
""",
        number="19-CT/TU",
        code="CT/TU",
        kind="CHỈ THỊ",
        issued_on=date(2027, 1, 12),
        issued_text="Lạng Sơn, ngày 12 tháng 01 năm 2027",
        issuer="TỈNH ỦY LẠNG SƠN",
        subject="về bảo đảm Tết vui tươi, an toàn, tiết kiệm",
        sections=("1", "2"),
    ),
    Case(
        "notice of a power cut: no number, no addressees",
        """ĐIỆN LỰC KHU VỰC 3
Thái Nguyên, ngày 5 tháng 6 năm 2026

THÔNG BÁO
Lịch ngừng cung cấp điện để sửa chữa

Ngày 10/6/2026, từ 7 giờ đến 11 giờ, ngừng cấp điện các xóm Đông, Đoài.
Bà con chủ động tắt thiết bị để bảo đảm an toàn.
""",
        kind="THÔNG BÁO",
        issued_on=date(2026, 6, 5),
        issued_text="Thái Nguyên, ngày 5 tháng 6 năm 2026",
        issuer="ĐIỆN LỰC KHU VỰC 3",
        subject="Lịch ngừng cung cấp điện để sửa chữa",
    ),
    Case(
        "dengue, head in a Markdown table, the observance in the subject",
        """| SỞ Y TẾ TỈNH AN GIANG | CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM |
| TRUNG TÂM KIỂM SOÁT BỆNH TẬT | Độc lập - Tự do - Hạnh phúc |
| --- | --- |
| Số: 77/KSBT-TT | An Giang, ngày 01 tháng 6 năm 2027 |
| V/v hưởng ứng ngày ASEAN phòng, chống sốt xuất huyết 15/6 | |

Kính gửi:
Ủy ban nhân dân các xã, phường, đặc khu;
Trạm Y tế các xã, phường,
đặc khu.

Hưởng ứng ngày ASEAN phòng, chống sốt xuất huyết, Trung tâm đề nghị:

+ Mỗi tuần dành 10 phút lật úp vật chứa nước.
+ Sốt cao từ ngày thứ hai phải đến trạm y tế.
""",
        number="77/KSBT-TT",
        code="KSBT-TT",
        issued_on=date(2027, 6, 1),
        issued_text="An Giang, ngày 01 tháng 6 năm 2027",
        issuer="TRUNG TÂM KIỂM SOÁT BỆNH TẬT",
        subject="hưởng ứng ngày ASEAN phòng, chống sốt xuất huyết 15/6",
        addressees=("Ủy ban nhân dân các xã, phường, đặc khu", "Trạm Y tế các xã, phường, đặc khu"),
        observance=(15, 6),
        sections=("",),
        points=2,
    ),
    Case(
        "decision with articles; its own number is not the cited one",
        """ỦY BAN NHÂN DÂN
XÃ GIA BÌNH

CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc

Số: 45/QĐ-UBND    Gia Bình, ngày 9 tháng 4 năm 2027

QUYẾT ĐỊNH
Về việc ban hành quy chế hoạt động của đài truyền thanh xã

Căn cứ Nghị định số 49/2024/NĐ-CP ngày 10/5/2024 của Chính phủ;
Căn cứ Thông tư số 39/2020/TT-BTTTT ngày 24 tháng 11 năm 2020;

Điều 1. Ban hành kèm theo Quyết định này quy chế hoạt động của đài.
Điều 2. Đài phát ngày hai buổi, tránh giờ nghỉ.
Điều 3. Quyết định có hiệu lực từ ngày ký.
""",
        number="45/QĐ-UBND",
        code="QĐ-UBND",
        kind="QUYẾT ĐỊNH",
        issued_on=date(2027, 4, 9),
        issued_text="Gia Bình, ngày 9 tháng 4 năm 2027",
        issuer="ỦY BAN NHÂN DÂN XÃ GIA BÌNH",
        subject="ban hành quy chế hoạt động của đài truyền thanh xã",
        sections=("Điều 1", "Điều 2", "Điều 3"),
        references=("49/2024/NĐ-CP", "39/2020/TT-BTTTT"),
    ),
    Case(
        "blood donation, day in words in the body, none in the subject",
        """HỘI CHỮ THẬP ĐỎ TỈNH LÀO CAI
Số: 102/CTĐ
Lào Cai, ngày 15 tháng 3 năm 2027
V/v vận động hiến máu đợt xuân hè

Kính gửi: Hội Chữ thập đỏ các xã, phường.

Hưởng ứng Ngày toàn dân hiến máu tình nguyện, ngày 7 tháng 4 hằng năm, Hội đề nghị các xã, phường nhắn bà con:

- Người từ 18 đến 60 tuổi, khỏe mạnh đều hiến máu được.
- Điểm hiến máu gần nhất mở từ 7 giờ.

Kết quả gửi về Hội trước ngày 30/4/2027.
""",
        number="102/CTĐ",
        code="CTĐ",
        issued_on=date(2027, 3, 15),
        issued_text="Lào Cai, ngày 15 tháng 3 năm 2027",
        issuer="HỘI CHỮ THẬP ĐỎ TỈNH LÀO CAI",
        subject="vận động hiến máu đợt xuân hè",
        addressees=("Hội Chữ thập đỏ các xã, phường",),
        observance=(7, 4),
        sections=("",),
        points=2,
    ),
    Case(
        "child drowning, subject over three lines, a deadline that is no observance",
        """SỞ GIÁO DỤC VÀ ĐÀO TẠO
TỈNH QUẢNG TRỊ
Số: 660/SGDĐT-CTTT
V/v tuyên truyền phòng, chống đuối nước
cho trẻ em, học sinh
trong dịp nghỉ hè
Quảng Trị, ngày 18 tháng 5 năm 2027

Kính gửi:
- Hiệu trưởng các trường học;
- Ủy ban nhân dân các xã, phường, đặc khu.

Trước kỳ nghỉ hè, Sở đề nghị trước ngày 30/5 các trường phối hợp với đài truyền thanh xã nhắc phụ huynh:

1. Không để trẻ ra sông, hồ khi không có người lớn.
2. Tổng đài 111 trực 24/7.
""",
        number="660/SGDĐT-CTTT",
        code="SGDĐT-CTTT",
        issued_on=date(2027, 5, 18),
        issued_text="Quảng Trị, ngày 18 tháng 5 năm 2027",
        issuer="SỞ GIÁO DỤC VÀ ĐÀO TẠO TỈNH QUẢNG TRỊ",
        subject="tuyên truyền phòng, chống đuối nước cho trẻ em, học sinh trong dịp nghỉ hè",
        addressees=("Hiệu trưởng các trường học", "Ủy ban nhân dân các xã, phường, đặc khu"),
        sections=("1", "2"),
    ),
    Case(
        "domestic violence, plain paragraphs only",
        """UBND TỈNH HÀ TĨNH
SỞ VĂN HÓA, THỂ THAO
VÀ DU LỊCH
Số: 1203/SVHTTDL-NVVH
Hà Tĩnh, ngày 10 tháng 11 năm 2026
V/v hưởng ứng Ngày quốc tế xóa bỏ bạo lực đối với phụ nữ - 25/11

Kính gửi: Ủy ban nhân dân các xã, phường

Nhân Ngày quốc tế xóa bỏ bạo lực đối với phụ nữ, đề nghị các xã, phường phát các bản tin
về cách nhận ra và báo tin bạo lực gia đình.

Yêu cầu không nêu tên người bị hại.
""",
        number="1203/SVHTTDL-NVVH",
        code="SVHTTDL-NVVH",
        issued_on=date(2026, 11, 10),
        issued_text="Hà Tĩnh, ngày 10 tháng 11 năm 2026",
        issuer="SỞ VĂN HÓA, THỂ THAO VÀ DU LỊCH",
        subject="hưởng ứng Ngày quốc tế xóa bỏ bạo lực đối với phụ nữ - 25/11",
        addressees=("Ủy ban nhân dân các xã, phường",),
        observance=(25, 11),
        sections=("",),
        points=2,
    ),
    Case(
        "war invalids' day with two dates that have years, a day of 2023 that is cited only",
        """UBND TỈNH VĨNH LONG      CỘNG HÒA XÃ HỘI
SỞ NỘI VỤ                 CHỦ NGHĨA VIỆT NAM
                          Độc lập - Tự do - Hạnh phúc
Số: 318 /SNV-NCC          Vĩnh Long, ngày 30 tháng 6 năm 2027
V/v tuyên truyền kỷ niệm 80 năm Ngày Thương binh - Liệt sĩ (27/7/1947 - 27/7/2027)

Kính gửi: Ủy ban nhân dân các xã, phường

Căn cứ Công văn số 88/BNV-NCC ngày 13/7/2023 của Bộ Nội vụ, Sở Nội vụ đề nghị:
1. Kể chuyện người có công ở quê mình.
2. Thắp nến tri ân tối 26/7.
""",
        number="318 /SNV-NCC",
        code="SNV-NCC",
        issued_on=date(2027, 6, 30),
        issued_text="Vĩnh Long, ngày 30 tháng 6 năm 2027",
        issuer="SỞ NỘI VỤ",
        subject="tuyên truyền kỷ niệm 80 năm Ngày Thương binh - Liệt sĩ (27/7/1947 - 27/7/2027)",
        addressees=("Ủy ban nhân dân các xã, phường",),
        observance=(27, 7),
        sections=("1", "2"),
        references=("88/BNV-NCC",),
    ),
    Case(
        "no head at all, only prose",
        """Bà con chú ý: tối nay trời trở lạnh, nhớ che chắn chuồng trại cho trâu bò.""",
    ),
)
