"""What is wrong with a recording, in plain words with numbers: what, how bad, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from audio.recordings.analysis import Analysis

Severity = Literal["blocks", "warns"]

SILENT_DB = -60.0
QUIET_DB = -38.0
CLIPPED_MOST = 10  # places in the whole recording that nobody hears
CLIPPED_RUINED = 20  # places in each second of it
ACTIVE_LEAST = 0.3
ENDS_MOST_MS = 3000
PAUSE_MOST_MS = 15_000
HUM_DB, HUM_EXCESS_DB = -42.0, 15.0
HISS_DB, HISS_FLATNESS = -30.0, 0.3
LENGTHS_APART = 1.8


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `at_ms` and `until_ms` are its place in the recording, where it has one."""

    kind: str
    severity: Severity
    vi: str
    en: str
    at_ms: int | None = None
    until_ms: int | None = None


def clock(ms: int) -> str:
    """A place in a recording: minutes:seconds."""
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"


def check(found: Analysis) -> list[Check]:
    """The findings of one recording, what blocks first."""
    if found.peak_db <= SILENT_DB or found.speech_db <= SILENT_DB:
        vi = "Bản thu không có tiếng. Hãy kiểm tra micro rồi thu lại."
        return [Check("silent", "blocks", vi, "The recording is silent. Check the microphone and record again.")]
    findings = [*_levels(found), *_silences(found), *_noises(found), *_channels(found)]
    if found.lost_ms is not None:
        findings.append(_cut_short(found.lost_ms, found.duration_ms))
    if found.damaged:
        findings.append(
            Check(
                "damaged",
                "warns",
                f"Tệp hỏng ở {found.damaged} chỗ, tiếng ở đó bị mất. Hãy nghe hết, nếu thiếu thì gửi lại tệp gốc.",
                f"The file is damaged in {found.damaged} places, where sound is missing. Listen to all of it.",
            )
        )
    return sorted(findings, key=lambda one: one.severity != "blocks")


def check_lengths(duration_ms: int, others: Sequence[tuple[str, int]], limit_ms: int | None = None) -> list[Check]:
    """Whether it fits its slot, and the versions in other languages (`others`: language and length)."""
    findings = []
    if limit_ms is not None and duration_ms > limit_ms:
        over = (duration_ms - limit_ms + 999) // 1000
        vi = f"Bản thu dài {clock(duration_ms)}, quá khung {clock(limit_ms)} là {over} giây. Hãy cắt bớt."
        en = f"It is {clock(duration_ms)} long, {over} s over the slot of {clock(limit_ms)}. Trim it."
        findings.append(Check("over-slot", "blocks", vi, en, limit_ms, duration_ms))
    for language, other_ms in others:
        if max(duration_ms, other_ms) > LENGTHS_APART * max(min(duration_ms, other_ms), 1):
            vi = f"Dài {clock(duration_ms)} trong khi {language} dài {clock(other_ms)}. Hãy kiểm tra có thiếu không."
            en = f"It is {clock(duration_ms)} long, {language} {clock(other_ms)}. Check that nothing is missing."
            findings.append(Check("lengths-differ", "warns", vi, en))
    return findings


def _cut_short(lost_ms: int, duration_ms: int) -> Check:
    vi, en = "Tệp bị cụt ở cuối, có thể thiếu phần sau", "The end of the file is cut off, something may be missing"
    if lost_ms:
        whole = clock(duration_ms + lost_ms)
        vi = f"Tệp bị cụt: lẽ ra dài {whole} mà chỉ còn {clock(duration_ms)}, phần cuối đã mất"
        en = f"The file is cut short: it should last {whole} and lasts {clock(duration_ms)}, its end is lost"
    vi += ". Hãy chép lại tệp gốc từ máy thu rồi gửi lại, hoặc nghe đoạn cuối xem có đủ không."
    en += ". Copy the original from the recorder again and send it, or listen whether the end is there."
    return Check("cut-short", "warns", vi, en, duration_ms, duration_ms)


def _levels(found: Analysis) -> list[Check]:
    findings = []
    if found.clipped > CLIPPED_MOST:
        at = found.clipped_at_ms
        ruined = found.clipped * 1000 > CLIPPED_RUINED * found.duration_ms * found.active_share
        vi = (
            f"Tiếng bị vỡ (quá to) ở {found.clipped} chỗ, nặng nhất quanh {clock(at)} ({found.clipped_worst} chỗ trong "
            "một giây). Hãy thu lại, để micro xa hơn hoặc giảm mức thu."
        )
        en = (
            f"Clipped (too loud) in {found.clipped} places, worst around {clock(at)}. "
            "Record again, farther from the microphone or at a lower level."
        )
        findings.append(Check("clipped", "blocks" if ruined else "warns", vi, en, at, at + 1000))
    if found.speech_db < QUIET_DB:
        below, most = -found.speech_db, -QUIET_DB
        vi = f"Tiếng quá nhỏ (dưới mức to nhất {below:.0f} dB, nên trong {most:.0f} dB). Hãy thu gần micro hơn."
        en = f"Too quiet ({below:.0f} dB below full scale, better within {most:.0f}). Record nearer to the microphone."
        findings.append(Check("too-quiet", "warns", vi, en))
    return findings


def _silences(found: Analysis) -> list[Check]:
    findings = []
    end = found.duration_ms
    if found.active_share < ACTIVE_LEAST:
        share = round(100 * (1 - found.active_share))
        vi = f"{share} % bản thu là im lặng. Hãy cắt bỏ hoặc kiểm tra xem có gửi nhầm tệp không."
        findings.append(
            Check(
                "mostly-silent",
                "warns",
                vi,
                f"{share} % of it is silence. Trim it, or check that it is the right file.",
            )
        )
    if found.head_ms > ENDS_MOST_MS:
        vi = f"Im lặng {found.head_ms / 1000:.1f} giây ở đầu. Hãy cắt từ {clock(found.head_ms)}."
        en = f"{found.head_ms / 1000:.1f} s of silence at the beginning. Trim it from {clock(found.head_ms)}."
        findings.append(Check("silent-head", "warns", vi, en, 0, found.head_ms))
    if found.tail_ms > ENDS_MOST_MS:
        vi = f"Im lặng {found.tail_ms / 1000:.1f} giây ở cuối. Hãy cắt đến {clock(end - found.tail_ms)}."
        en = f"{found.tail_ms / 1000:.1f} s of silence at the end. Trim it to {clock(end - found.tail_ms)}."
        findings.append(Check("silent-tail", "warns", vi, en, end - found.tail_ms, end))
    at, until = found.longest_silence_at_ms, found.longest_silence_at_ms + found.longest_silence_ms
    if found.longest_silence_ms > PAUSE_MOST_MS and at > found.head_ms and until < end - found.tail_ms:
        vi = f"Im lặng {found.longest_silence_ms // 1000} giây từ {clock(at)}. Hãy cắt bỏ đoạn đó."
        en = f"{found.longest_silence_ms // 1000} s of silence from {clock(at)}. Cut them out."
        findings.append(Check("long-pause", "warns", vi, en, at, until))
    return findings


def _noises(found: Analysis) -> list[Check]:
    findings = []
    if found.hum_db > HUM_DB and found.hum_excess_db > HUM_EXCESS_DB:
        vi = f"Có tiếng ù điện lưới (chỉ nhỏ hơn giọng {-found.hum_db:.0f} dB). Hãy rút sạc rồi thu lại."
        en = f"Mains hum at 50/100 Hz ({found.hum_db:.0f} dB to the voice). Unplug the charger and record again."
        findings.append(Check("hum", "warns", vi, en))
    if found.noise_db > HISS_DB and found.noise_flatness > HISS_FLATNESS:
        vi = (
            f"Tiếng xì hoặc ồn nền lớn (chỉ nhỏ hơn giọng {-found.noise_db:.0f} dB). "
            "Hãy thu ở nơi yên tĩnh, gần micro hơn."
        )
        en = f"Loud hiss or noise ({found.noise_db:.0f} dB to the voice). Record in a quiet place, nearer."
        findings.append(Check("hiss", "warns", vi, en))
    return findings


def _channels(found: Analysis) -> list[Check]:
    if found.channels == 1 or found.mix == "mean":
        return []
    side_vi, side_en = ("trái", "left") if found.mix == "left" else ("phải", "right")
    if abs(found.channel_gap_db) >= 40:
        vi = f"Chỉ kênh {side_vi} có tiếng. Hệ thống dùng kênh đó; hãy kiểm tra dây micro."
        return [Check("dead-channel", "warns", vi, f"Only the {side_en} channel has sound; it is used.")]
    vi = (
        f"Hai kênh trái phải ngược nhau, trộn lại thì triệt tiêu mất tiếng, nên hệ thống chỉ dùng kênh {side_vi}. "
        "Hãy nghe lại; lần sau kiểm tra đầu dây micro có đấu ngược không."
    )
    en = (
        f"Left and right are opposed and would cancel out when mixed, so the {side_en} one alone is used. "
        "Listen to it; next time see whether a plug of the microphone is wired the wrong way round."
    )
    return [Check("out-of-phase", "warns", vi, en)]
