"""Joined files: gapless to the sample, in bounded memory, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio import chime, export
from audio.codec import decode, encode
from audio.errors import ObjectDamaged
from audio.export import Format
from audio.store import ObjectStore
from core.errors import Invalid, NotFound

FORMATS: tuple[Format, ...] = ("wav", "flac", "mp3", "ogg")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def sounds(store: ObjectStore) -> list[str]:
    """Three sounds of whole 20 ms, as mastering makes them, that all end abruptly: a gap between them would show."""
    return [store.put(encode(chime.synthesise(name)[: 48_000 * 2])) for name in chime.NAMES[:3]]


@pytest.mark.parametrize("form", FORMATS)
def test_the_items_follow_one_another_without_a_gap(
    store: ObjectStore, sounds: list[str], tmp_path: Path, form: Format
) -> None:
    out = tmp_path / "copies" / f"out.{form}"
    export.write(store, [*sounds, sounds[0]], out, form, kbps=32)
    whole = np.concatenate([decode(store.read(sha256)) for sha256 in [*sounds, sounds[0]]])
    samples, rate = soundfile.read(out, dtype="float32")
    assert rate == 48_000
    if form in {"wav", "flac"}:
        assert samples.size == whole.size
        assert np.abs(samples - whole).max() < 1.5 / 32768
    elif form == "ogg":
        assert samples.size == whole.size
    else:
        assert abs(samples.size - whole.size) < 2 * 1152  # MP3 has frames of 24 ms
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_what_is_missing_or_damaged_leaves_no_file(store: ObjectStore, sounds: list[str], tmp_path: Path) -> None:
    out = tmp_path / "copies" / "out.wav"
    with pytest.raises(NotFound):
        export.write(store, [sounds[0], "0" * 64], out, "wav", kbps=24)
    store.path(sounds[1]).write_bytes(b"OggS")
    for form in FORMATS:
        with pytest.raises(ObjectDamaged):
            export.write(store, sounds, out, form, kbps=24)
    with pytest.raises(Invalid):
        export.write(store, [], out, "wav", kbps=24)
    with pytest.raises(Invalid):
        export.format_of(Path("a.m4a"))
    assert list(out.parent.iterdir()) == []


LIMITED = """
import resource, sys
from pathlib import Path
from audio import export
from audio.store import ObjectStore
from core.errors import DiskFull

folder, form, sha256, limit = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    export.write(ObjectStore(folder / "objects"), [sha256] * 30, folder / "copies" / "out", form, kbps=24)
except DiskFull as error:
    print(error.text("vi"), [path.name for path in (folder / "copies").iterdir()])
"""


@pytest.mark.parametrize("limit", [0, 20_000])  # not even the header; a part of the sound
@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_is_said_and_leaves_no_file(
    store: ObjectStore, sounds: list[str], tmp_path: Path, form: Format, limit: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), form, sounds[0], str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "copies") in done.stdout, done.stderr
    assert done.stdout.rstrip().endswith("[]")


TEN_MINUTES = """
import resource, sys
from pathlib import Path
from audio import export
from audio.store import ObjectStore

folder, sha256 = Path(sys.argv[1]), sys.argv[2]
store = ObjectStore(folder / "objects")
export.write(store, [sha256], folder / "short.wav", "wav", kbps=24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export.write(store, [sha256] * 10, folder / "long.wav", "wav", kbps=24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_ten_minutes_take_no_more_memory_than_one(store: ObjectStore, tmp_path: Path) -> None:
    minute = store.put(encode(np.tile(chime.synthesise("mở đầu")[:96_000], 30)))
    done = subprocess.run(
        [sys.executable, "-c", TEN_MINUTES, str(tmp_path), minute], capture_output=True, text=True, check=True
    )
    assert soundfile.info(tmp_path / "long.wav").frames == 10 * soundfile.info(tmp_path / "short.wav").frames
    assert int(done.stdout) < 20_000  # KiB; the samples of ten minutes are 115,000
