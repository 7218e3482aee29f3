"""How fast text becomes a stored sound on one core.

    python -m benchmarks.speech

Prints the figures and exits with 1 when one misses its target:

- a bulletin of about a minute, from text to stored Opus in both profiles with the offline voice, from nothing (no voice
  process runs, no sentence is remembered): at most 1 s;
- the same with one sentence changed, a short one and the others in turn: at most 0.3 s, the voice's start included.

All of it on one core, which this process and its voice workers are held to. What counts is the processor time that they
take, in the middle of the rounds: on an idle machine the wall time is the same but for the disk; on a busy one it says
how busy. Both are printed.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from audio.reading import read
from audio.store import ObjectStore
from audio.studio import Speech, Studio
from audio.voices import SentenceCache, chain
from audio.voices.espeak import end_workers

WHOLE_S_MOST = 1.0
CHANGED_S_MOST = 0.3
# One sentence in each round, by some of its words: of 1 to 8 seconds.
CHANGES = (
    ("Thưa bà con!", "Kính thưa bà con trong xã!"),
    ("bị giữ giấy tờ", "bị thu hộ chiếu"),
    ("hỏi rõ tên công ty", "hỏi kỹ địa chỉ công ty"),
    ("từ 5 năm đến 10 năm", "từ 7 năm đến 12 năm"),
    ("111 hoặc 113", "113 hoặc 111"),
    ("Ngày 30/7", "Ngày 29/7"),
    ("cho chính mình và", "cho bản thân và"),
)

BULLETIN = """
Thưa bà con! Thời gian gần đây, nhiều người nhận được lời mời đi làm ở nước ngoài qua Facebook, Zalo với mức lương
20-30 triệu đồng/tháng, không cần bằng cấp. Sang đến nơi, họ bị giữ giấy tờ, ép làm việc 14-16 giờ/ngày.

Trước khi nhận lời, bà con hãy hỏi rõ tên công ty, xem hợp đồng và báo cho gia đình biết. Theo Điều 150 BLHS, người
phạm tội mua bán người có thể bị phạt tù từ 5 năm đến 10 năm.

Khi nghi ngờ, hãy gọi ngay tổng đài 111 hoặc 113, hoạt động 24/24 giờ. Ngày 30/7 là Ngày toàn dân phòng, chống mua bán
người. Mỗi người dân hãy là một người bảo vệ cho chính mình và cho gia đình mình.
"""


def speech() -> bool:
    """Text to stored Opus, each round a text of its own and an empty store; then with one sentence changed."""
    read(BULLETIN)  # the dictionary is loaded at the first call
    print(f"{'round':>5} " + " ".join(f"{one:>9}" for one in ("sound s", "whole s", "wall s", "changed s", "wall s")))
    whole: list[float] = []
    changed: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (words, others) in enumerate(CHANGES, 1):
            here = Path(folder, str(number))
            voices = chain(["espeak"], outside_allowed=False, cache=SentenceCache(here / "sentences"))
            studio = Studio(ObjectStore(here / "objects"), voices)
            text = f"Bản tin số {number}.\n{BULLETIN}"
            first, first_s, first_wall_s = _timed(lambda: studio.speak(text))  # noqa: B023 - called at once
            other = text.replace(words, others)
            _, other_s, other_wall_s = _timed(lambda: studio.speak(other))  # noqa: B023 - as above
            whole.append(first_s)
            changed.append(other_s)
            columns = (first.sounds["full"].duration_ms / 1000, first_s, first_wall_s, other_s, other_wall_s)
            print(f"{number:>5} " + " ".join(f"{one:>9.2f}" for one in columns))
    return all(
        [
            _verdict("text to stored Opus, both profiles", statistics.median(whole), WHOLE_S_MOST),
            _verdict("the same with a sentence changed", statistics.median(changed), CHANGED_S_MOST),
            _verdict("the slowest of these", max(changed), CHANGED_S_MOST),
        ]
    )


def _timed(work: Callable[[], Speech]) -> tuple[Speech, float, float]:
    """What came of it, its processor time, and its wall time."""
    wall, processor = time.perf_counter(), _processor_s()
    made = work()
    wall = time.perf_counter() - wall
    return made, _processor_s() - processor, wall


def _processor_s() -> float:
    """Processor time of this process and of the voice's workers, which are ended so that theirs is counted."""
    end_workers()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _verdict(what: str, seconds: float, most: float) -> bool:
    reached = seconds <= most
    print(f"{what}: {seconds:.2f} s on one core (at most {most} s) {'reached' if reached else 'MISSED'}")
    return reached


def main() -> int:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return 0 if speech() else 1


if __name__ == "__main__":
    sys.exit(main())
