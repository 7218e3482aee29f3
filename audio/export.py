"""Several stored sounds one behind the other in one file, for listening and export: WAV, FLAC, MP3 or Ogg Opus.

Each sound is decoded as a receiver decodes it and follows the one before without a gap, sample for sample. It goes from
the store to the file a few seconds at a time, so that a programme of an hour takes no more memory than one of a minute
(but for Ogg Opus, whose few megabytes are put together before they are written). The file is there whole or not at all.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import soundfile

from audio.codec import SAMPLE_RATE, Encoder, Samples
from audio.errors import SoundUnusable
from audio.store import ObjectStore, full_disk_named
from core.errors import DiskFull, Invalid

Format = Literal["wav", "flac", "mp3", "ogg"]

# Suffixes of files, and what is in them.
FORMATS: Final[dict[str, Format]] = {".wav": "wav", ".flac": "flac", ".mp3": "mp3", ".ogg": "ogg", ".opus": "ogg"}
MEDIA_TYPES: Final[dict[Format, str]] = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
}
_OF_LIBSNDFILE: Final = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_BLOCK: Final = 4 * SAMPLE_RATE


def format_of(out: Path) -> Format:
    """By the file's suffix. Raises `Invalid`."""
    suffix = out.suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise Invalid(what=f"tên tệp {out.name} phải có đuôi {known} / the file {out.name} must end in {known}")
    return FORMATS[suffix]


def write(store: ObjectStore, sha256s: Sequence[str], out: Path, form: Format, *, kbps: int) -> None:
    """Write these sounds into `out`; `kbps` is for Ogg Opus.

    Raises `NotFound`, `ObjectDamaged`, `Invalid` (no sounds), `DiskFull`.
    """
    if not sha256s:
        raise Invalid(what="chưa chọn âm thanh nào để ghép / no sounds to join")
    with full_disk_named(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=out.parent, suffix=".part")
    os.close(descriptor)
    part = Path(name)
    try:
        with full_disk_named(out.parent):
            if form == "ogg":
                _write_opus(decoded(store, sha256s), part, kbps)
            else:
                _write_pcm(decoded(store, sha256s), part, form)
            part.chmod(0o644)
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def decoded(store: ObjectStore, sha256s: Sequence[str]) -> Iterator[Samples]:
    """The sounds as samples, one behind the other, a few seconds at a time."""
    for sha256 in sha256s:
        try:
            with soundfile.SoundFile(io.BytesIO(store.read(sha256))) as sound:
                yield from sound.blocks(_BLOCK, dtype="float32")
        except soundfile.LibsndfileError as error:
            raise SoundUnusable(reason_vi="tệp không phải Ogg Opus", reason_en="the file is not Ogg Opus") from error


def _write_opus(blocks: Iterator[Samples], part: Path, kbps: int) -> None:
    encoder = Encoder(kbps)
    for block in blocks:
        encoder.take(block)
    part.write_bytes(encoder.end().ogg())


def _write_pcm(blocks: Iterator[Samples], part: Path, form: Literal["wav", "flac", "mp3"]) -> None:
    kind, subtype = _OF_LIBSNDFILE[form]
    file: Any
    try:
        with soundfile.SoundFile(part, "w", SAMPLE_RATE, 1, subtype=subtype, format=kind) as file:
            for block in blocks:
                before = file.frames
                file.write(block)
                if file.frames - before != block.size:
                    raise DiskFull(path=part.parent)
    except (soundfile.LibsndfileError, AssertionError) as error:
        # Out of a file that was made just now only a full disk keeps its header, samples and end.
        raise DiskFull(path=part.parent) from error
