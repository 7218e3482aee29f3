"""The two profiles that every sound is mastered in, and that every receiver has one of: `full` for an amplifier, a
transmitter or a line out, `horn` for a box with horns of its own. How they sound is the business of `audio.profiles`.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from core.errors import Invalid

Profile = Literal["full", "horn"]
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
PROFILE_VI: Final[dict[Profile, str]] = {"full": "đủ dải", "horn": "loa nén"}


def checked(profile: str) -> Profile:
    """The profile of that name. Raises `Invalid`."""
    if profile not in PROFILES:
        vi = ", ".join(f"{name} ({PROFILE_VI[name]})" for name in PROFILES)
        en = " or ".join(PROFILES)
        raise Invalid(what=f"không có cấu hình âm thanh “{profile}”, chọn {vi} / no profile “{profile}”: {en}")
    return profile
