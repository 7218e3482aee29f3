"""How fast written Vietnamese is read, and how well.

    python -m benchmarks.reading [DISPATCH]

Prints the figures and exits with 1 when one misses its target:

- the whole sample dispatch, or the file that is named, in at most 20 ms of processor time;
- bulletins and dispatches at no less than 300 KB of UTF-8 text a second of one processor;
- the gold sets in `tests/audio/gold` (tab-separated: written, spoken, category, and a regular expression of what else
  is accepted): the share that is read right; of those held out (`heldout-*`), at least 97 %.
  Marks and capitals don't count. Each is read once with sea-g2p under our rules and once with the rules alone.
"""

from __future__ import annotations

import csv
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from audio.reading import base, read
from benchmarks.speech import BULLETIN

GOLD = Path("tests/audio/gold")
SAMPLE = Path("broadcast/samples/dispatch.txt")
DISPATCH_MS_MOST = 20.0
BYTES_A_SECOND_LEAST = 300_000
RIGHT_LEAST = 0.97
ROUNDS = 15


def speed(dispatch: str) -> bool:
    """Both figures of speed."""
    read(dispatch)  # the dictionary is loaded at the first call
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
    """How many items of each gold set are read right, per kind and with what base."""
    reached = True
    for path in sorted(GOLD.glob("*.tsv")):
        items = list(_items(path))
        wrong = Counter(category for category, right in map(_judged, items) if not right)
        with mock.patch.object(base, "normalise", return_value=[]):
            alone = sum(not right for _, right in map(_judged, items))
        share = 1 - wrong.total() / len(items)
        held_out = path.name.startswith("heldout")
        good = share >= RIGHT_LEAST or not held_out
        print(
            f"{path.name}: {len(items) - wrong.total()} of {len(items)} right, {share:.1%}"
            + (f" (at least {RIGHT_LEAST:.0%}) {_verdict(reached=good)}" if held_out else "")
            + f"; without sea-g2p {len(items) - alone}"
            + (f"; wrong by kind: {', '.join(f'{kind} {n}' for kind, n in wrong.most_common())}" if wrong else "")
        )
        reached &= good
    return reached


def _items(path: Path) -> Iterator[tuple[str, str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row and row[0] != "written" and not row[0].startswith("#"):
                written, spoken, category, accepted = [*row, "", "", ""][:4]
                yield written.replace("\\n", "\n"), spoken, category, accepted


def _judged(item: tuple[str, str, str, str]) -> tuple[str, bool]:
    written, spoken, category, accepted = item
    said = _words(read(written).spoken)
    return category, said == _words(spoken) or bool(accepted and re.fullmatch(accepted, said))


def _words(spoken: str) -> str:
    return " ".join(re.findall(r"\w+", spoken.lower()))


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
