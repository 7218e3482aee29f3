"""How fast text becomes a stored sound, and how fast text is read.

    python -m benchmarks.speech

Prints the figures and exits with 1 when one misses its target:

- text to stored Opus with the offline voice, at least 20 × faster than real time for a bulletin of about a minute
  (processor time of this process and its voice workers, whatever else the machine does; wall time beside it);
- the reading, at least 50,000 characters a second.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from audio.reading import read
from audio.store import ObjectStore
from audio.studio import Studio
from audio.voices import chain
from audio.voices.espeak import end_workers

SPEED_LEAST = 20.0
CHARACTERS_A_SECOND_LEAST = 50_000
ROUNDS = 5

BULLETIN = """
Thưa bà con! Thời gian gần đây, nhiều người nhận được lời mời đi làm ở nước ngoài qua Facebook, Zalo với mức lương
20-30 triệu đồng/tháng, không cần bằng cấp. Sang đến nơi, họ bị giữ giấy tờ, ép làm việc 14-16 giờ/ngày.

Trước khi nhận lời, bà con hãy hỏi rõ tên công ty, xem hợp đồng và báo cho gia đình biết. Theo Điều 150 BLHS, người
phạm tội mua bán người có thể bị phạt tù từ 5 năm đến 10 năm.

Khi nghi ngờ, hãy gọi ngay tổng đài 111 hoặc 113, hoạt động 24/24 giờ. Ngày 30/7 là Ngày toàn dân phòng, chống mua bán
người. Mỗi người dân hãy là một người bảo vệ cho chính mình và cho gia đình mình.
"""


def speech() -> bool:
    """Text to stored Opus, each round a text of its own and an empty store."""
    print(f"{'round':>5} {'sound s':>8} {'processor s':>12} {'wall s':>7} {'× real time':>12}")
    speeds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, ROUNDS + 1):
            studio = Studio(ObjectStore(Path(folder, str(number))), chain(["espeak"], outside_allowed=False))
            wall, processor = time.perf_counter(), _processor_s()
            spoken = studio.speak(f"Bản tin số {number}.\n{BULLETIN}")
            processor, wall = _processor_s() - processor, time.perf_counter() - wall
            sound_s = spoken.sounds["full"].duration_ms / 1000
            speeds.append(sound_s / processor)
            print(f"{number:>5} {sound_s:>8.1f} {processor:>12.2f} {wall:>7.2f} {speeds[-1]:>12.1f}")
    speed = statistics.median(speeds)
    reached = speed >= SPEED_LEAST
    print(f"text to stored Opus: {speed:.0f} × real time (at least {SPEED_LEAST:.0f}) {_verdict(reached=reached)}")
    return reached


def reading() -> bool:
    """Written to spoken form."""
    text = BULLETIN * 8
    read(text)  # the dictionary is loaded at the first call
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        read(text)
        times.append(time.process_time() - began)
    speed = len(text) / statistics.median(times)
    reached = speed >= CHARACTERS_A_SECOND_LEAST
    print(f"reading: {speed:,.0f} characters/s (at least {CHARACTERS_A_SECOND_LEAST:,}) {_verdict(reached=reached)}")
    return reached


def _processor_s() -> float:
    """Processor time of this process and of the voice's workers, which are ended so that theirs is counted."""
    end_workers()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _verdict(*, reached: bool) -> str:
    return "reached" if reached else "MISSED"


if __name__ == "__main__":
    sys.exit(0 if all([speech(), reading()]) else 1)
