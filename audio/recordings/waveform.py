"""The picture of a recording: peaks in grey, rms in black, a fixed number of columns for any length."""

from __future__ import annotations

from html import escape

from audio.recordings.analysis import Analysis
from audio.recordings.checks import clock

HEIGHT = 100
_MIDDLE = HEIGHT / 2


def svg(found: Analysis, title: str) -> str:
    """The picture as SVG: scales to any width, prints in black and white, says in words what it shows."""
    columns = len(found.lows)
    peaks = "".join(
        f"M{x} {_y(high)}V{_y(low)}" for x, (low, high) in enumerate(zip(found.lows, found.highs, strict=True))
    )
    rms = "".join(f"M{x} {_y(level)}V{_y(-level)}" for x, level in enumerate(found.rms))
    said = (
        f"{title}: dài {clock(found.duration_ms)}, chỗ to nhất dưới mức tối đa {-found.peak_db:.0f} dB, "
        f"giọng dưới mức tối đa {-found.speech_db:.0f} dB, "
        f"im lặng {100 * (1 - found.active_share):.0f} %"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 {columns + 1} {HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-labelledby="t d"><title id="t">{escape(title)}</title><desc id="d">{escape(said)}</desc>'
        f'<g fill="none" vector-effect="non-scaling-stroke"><path stroke="#999" d="{peaks}"/>'
        f'<path stroke="#000" d="{rms}"/><path stroke="#000" stroke-width=".5" d="M0 {_MIDDLE:g}H{columns}"/></g></svg>'
    )


def _y(level: float) -> str:
    return f"{_MIDDLE - level * (_MIDDLE - 1):.4g}"
