"""Written Vietnamese into spoken form: `read("ngày 30/7").spoken` is `ngày ba mươi tháng bảy`.

Rules for administrative text (`rules/`), tables (`abbreviations.tsv`, `foreign.tsv`), and a guess with a doubt for what
neither knows (`words`).
"""

from __future__ import annotations

from audio.reading.compose import read
from audio.reading.model import Doubt, Lexicon, Reading, Span

__all__ = ["Doubt", "Lexicon", "Reading", "Span", "read"]
