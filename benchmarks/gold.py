r"""The gold set of readings: how many of its items the reading says as a careful editor would accept.

`tests/audio/gold/*.tsv` has four columns, separated by tabs: written (`\n` stands for a line break), spoken, category,
accept. `accept` is a regular expression of further readings that are as good; it is empty where there is one only.
Letter case and punctuation don't count. A quarter of all items or more is held out: they are chosen before any of
them is read, no rule is tuned on them, and which of them are read wrong is not looked at. `heldout-GROUP.tsv` holds
what is met every day, `dense-GROUP.tsv` whole paragraphs with five to ten figures and abbreviations each, of which
none may be wrong. The others are in `tune-GROUP.tsv`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

FOLDER: Final = Path(__file__).parent.parent / "tests" / "audio" / "gold"
COLUMNS: Final = ["written", "spoken", "category", "accept"]
Part = Literal["tune", "heldout", "dense"]

_MARKS: Final = re.compile(r"[^\w\s]")


@dataclass(frozen=True, slots=True)
class Item:
    written: str
    spoken: str
    category: str
    accept: str

    def accepts(self, said: str) -> bool:
        """Whether this reading is the expected one or one that is as good."""
        words = normal(said)
        if words == normal(self.spoken):
            return True
        return bool(self.accept) and re.fullmatch(unicodedata.normalize("NFC", self.accept), words) is not None


@dataclass(frozen=True, slots=True)
class Score:
    """What came out for a part: items by category, and those that were read otherwise, with what was said."""

    items: Counter[str]
    failures: tuple[tuple[Item, str], ...]

    @property
    def percent(self) -> float:
        total = self.items.total()
        return 100 * (total - len(self.failures)) / total

    @property
    def failed(self) -> Counter[str]:
        return Counter(item.category for item, _said in self.failures)


def load(part: Part, folder: Path = FOLDER) -> list[Item]:
    """The items of a part, group by group."""
    return [item for path in sorted(folder.glob(f"{part}-*.tsv")) for item in _items(path)]


def score(items: Iterable[Item], read: Callable[[str], str]) -> Score:
    """Read each item and count; `read` gives the spoken form of a text."""
    said = [(item, read(item.written)) for item in items]
    return Score(
        Counter(item.category for item, _ in said), tuple(pair for pair in said if not pair[0].accepts(pair[1]))
    )


def normal(text: str) -> str:
    """A reading as it is compared: composed, lower-case words with one space between."""
    return " ".join(_MARKS.sub(" ", unicodedata.normalize("NFC", text).lower()).split())


def _items(path: Path) -> list[Item]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows) != COLUMNS:
            raise ValueError(f"{path.name}: the columns must be {', '.join(COLUMNS)}")
        return [Item(row[0].replace("\\n", "\n"), *row[1:]) for row in rows]
