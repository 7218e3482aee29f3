"""How fast written Vietnamese is read, and how well.

    python -m benchmarks.reading [DISPATCH]

Prints the figures and exits with 1 when one misses its target:

- the whole sample dispatch, or the file that is named, in at most 20 ms of processor time;
- bulletins and dispatches at no less than 300 KB of UTF-8 text a second of one processor;
- the gold set (see `benchmarks.gold`): the share that is read right, of the part that rules are tuned on and of
  the parts that are held out: at least 97 % of what is met every day; of dense paragraphs what is reached is told.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from audio.reading import read
from benchmarks import gold
from benchmarks.speech import BULLETIN

PARTS: tuple[gold.Part, ...] = ("tune", "heldout", "dense")
SAMPLE = Path("broadcast/samples/dispatch.txt")
DISPATCH_MS_MOST = 20.0
BYTES_A_SECOND_LEAST = 300_000
RIGHT_PERCENT_LEAST = 97
ROUNDS = 15


def speed(dispatch: str) -> bool:
    """Both figures of speed."""
    read(dispatch)  # the tables are loaded at the first call
    took_ms = _median_s(lambda: read(dispatch)) * 1000
    size = len(dispatch.encode())
    prompt = took_ms <= DISPATCH_MS_MOST
    print(f"a dispatch of {size:,} bytes: {took_ms:.1f} ms (at most {DISPATCH_MS_MOST:.0f}) {_verdict(reached=prompt)}")
    long = "\n".join([dispatch, BULLETIN] * 6)
    rate = len(long.encode()) / _median_s(lambda: read(long))
    fast = rate >= BYTES_A_SECOND_LEAST
    print(
        f"{rate / 1000:,.0f} KB of text a second (at least {BYTES_A_SECOND_LEAST / 1000:.0f}) {_verdict(reached=fast)}"
    )
    return prompt and fast


def score() -> bool:
    """How many items of each part of the gold set are read right, and what is wrong by kind."""
    reached = True
    for part in PARTS:
        items = gold.load(part)
        result = gold.score(items, _spoken)
        held_out = part == "heldout"
        good = result.percent >= RIGHT_PERCENT_LEAST or not held_out
        wrong = ", ".join(f"{kind} {count}" for kind, count in result.failed.most_common())
        print(
            f"gold set, {part}: {len(items) - len(result.failures)} of {len(items)} right, {result.percent:.1f} %"
            + (f" (at least {RIGHT_PERCENT_LEAST} %) {_verdict(reached=good)}" if held_out else "")
            + (f"; wrong by kind: {wrong}" if wrong else "")
        )
        reached &= good
    return reached


def _spoken(written: str) -> str:
    return read(written).spoken


def _median_s(work: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


def _verdict(*, reached: bool) -> str:
    return "reached" if reached else "MISSED"


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    sys.exit(0 if all([speed(given.read_text("utf-8")), score()]) else 1)
