"""The store: content names, nothing half-written, damage noticed."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from audio.errors import ObjectDamaged
from audio.store import ObjectStore
from core.errors import DiskFull, NotFound

DATA = bytes(range(256)) * 700


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_name_is_the_hash_and_putting_twice_changes_nothing(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    name = store.put(DATA)
    assert name == hashlib.sha256(DATA).hexdigest()
    before = store.path(name).stat().st_mtime_ns
    assert store.put(DATA) == name
    assert store.path(name).stat().st_mtime_ns == before
    assert store.path(name).parent.name == name[:2]
    assert files(store.folder) == [store.path(name)]
    assert store.read(name) == DATA


def test_chunk_hashes_cover_the_object_in_order(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    name = store.put(DATA)
    size = 65_536
    chunks = [DATA[at : at + size] for at in range(0, len(DATA), size)]
    assert len(chunks[-1]) < size
    assert store.chunk_hashes(name, size) == [hashlib.sha256(chunk).hexdigest() for chunk in chunks]
    assert store.chunk_hashes(store.put(b""), size) == []
    with pytest.raises(ValueError, match="at least 1"):
        store.chunk_hashes(name, 0)


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64, "0" * 63])
def test_what_is_not_there_is_not_found(tmp_path: Path, name: str) -> None:
    store = ObjectStore(tmp_path)
    with pytest.raises(NotFound):
        store.read(name)


def test_a_removed_object_is_gone_and_removing_it_again_is_no_error(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    name = store.put(DATA)
    store.remove(name)
    assert not store.has(name)
    store.remove(name)


def test_a_damaged_object_is_noticed_and_mended_by_putting_it_again(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    name = store.put(DATA)
    store.path(name).write_bytes(DATA[:-1] + b"!")
    with pytest.raises(ObjectDamaged):
        store.read(name)
    assert store.put(DATA) == name
    assert store.read(name) == DATA


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["fsync", "mkstemp"])
def test_a_full_disk_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, step: str
) -> None:
    store = ObjectStore(tmp_path / "objects")

    def full(*_args: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(f"audio.store.{'os' if step == 'fsync' else 'tempfile'}.{step}", full)
    with pytest.raises(DiskFull) as caught:
        store.put(DATA)
    assert str(store.folder) in caught.value.text("vi")
    assert files(store.folder) == []


def test_a_real_limit_of_the_file_system_leaves_nothing(tmp_path: Path) -> None:
    """A child process may write 64 KiB files at most: the system itself refuses in the middle of the writing."""
    resource = pytest.importorskip("resource")
    store = ObjectStore(tmp_path / "objects")
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
        try:
            store.put(DATA)
        except DiskFull:
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert files(store.folder) == []


def test_an_old_leftover_is_swept_and_a_fresh_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "ab"
    folder.mkdir()
    old, fresh = folder / "x.part", folder / "y.part"
    old.write_bytes(b"1")
    fresh.write_bytes(b"2")
    os.utime(old, (0, 0))
    ObjectStore(tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_many_threads_put_the_same_object(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(store.put(DATA))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 1
    assert store.read(names[0]) == DATA
    assert len(files(tmp_path)) == 1
