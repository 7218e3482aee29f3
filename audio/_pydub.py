"""pydub, imported without its noise.

It warns of a missing ffmpeg at import; the project feeds it raw samples only and needs none. Its use of `audioop`
is covered by `audioop-lts` where the standard library has dropped that module.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

__all__ = ["AudioSegment", "detect_leading_silence"]
