"""Fetching a voice file: its index first, then configuration and file, resumed where a line broke, checked, atomically.

The index is `voices.json` as the Piper project publishes it: for each voice its files with size and MD5. MD5 finds
damage, not malice; who wants more gives the SHA-256 that they trust.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from audio.errors import VoiceInstallFailed, VoiceNameRefused
from audio.store import full_disk_named
from audio.voices._network import WORDS, kind_of
from audio.voices.files import VoiceFile, check_config, installed
from core.errors import DiskFull

log = logging.getLogger(__name__)

BYTES_MAX: Final = 1 << 30
_INDEX_BYTES_MAX = 16 << 20
_PIECE = 1 << 18
_ATTEMPTS = 5
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """`read_s` for each wait, `whole_s` for one file in all, `backoff_s` between attempts, doubled each time."""

    read_s: float = 30.0
    whole_s: float = 3600.0
    backoff_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    url: str
    bytes: int
    md5: str


def install(
    name: str,
    folder: Path,
    address: str,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> VoiceFile:
    """Fetch a voice into the folder; what was fetched of it before is gone on with.

    The voice appears when both of its files are there and right. Raises `VoiceNameRefused`, `VoiceInstallFailed`,
    `DiskFull`.
    """
    if not _NAME.fullmatch(name):
        raise VoiceNameRefused(voice=name)
    if not address:
        raise _failed(
            name,
            "chưa có địa chỉ; hãy đặt TRUYENTHANH_VOICES_URL tới nơi có voices.json",
            "there is no address; set TRUYENTHANH_VOICES_URL to the place where voices.json stands",
        )
    patience = patience or Patience()
    config, model = _looked_up(name, address.rstrip("/"), patience)
    tell = progress or (lambda _share: None)
    with full_disk_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < model.bytes + config.bytes:
        raise DiskFull(path=folder)
    parts = folder / f".{name}.onnx.json.part", folder / f".{name}.onnx.part"
    _fetch(name, config, parts[0], patience, lambda _done: None)
    try:
        check_config(parts[0].read_bytes())
    except ValueError as error:
        parts[0].unlink()
        raise _failed(name, "cấu hình của giọng không đúng", "the voice's configuration is not one") from error
    _fetch(name, model, parts[1], patience, lambda done: tell(done / model.bytes))
    if sha256 is not None and _digest(parts[1], "sha256") != sha256.lower():
        parts[1].unlink()
        raise _failed(name, "SHA-256 không khớp với mã đã cho", "its SHA-256 is not the one that was given")
    for part, path in zip(parts, (folder / f"{name}.onnx.json", folder / f"{name}.onnx"), strict=True):
        part.replace(path)  # the file last: a voice is there when it is
    return next(voice for voice in installed(folder) if voice.name == name)


def _looked_up(name: str, address: str, patience: Patience) -> tuple[_Wanted, _Wanted]:
    """Configuration and file as the index describes them."""
    index = _index(name, f"{address}/voices.json", patience)
    entry = index.get(name)
    if not isinstance(entry, dict):
        near = [known for known in index if known.startswith("vi")]
        known = ", ".join(near or sorted(index)[:10])
        raise _failed(name, f"nơi đó không có giọng này; có: {known}", f"it is not there; there are: {known}")
    found: dict[str, _Wanted] = {}
    try:
        for path, facts in entry["files"].items():
            suffix = next((one for one in (".onnx.json", ".onnx") if path.endswith(one)), None)
            if suffix:
                found[suffix] = _Wanted(f"{address}/{quote(path)}", int(facts["size_bytes"]), str(facts["md5_digest"]))
        config, model = found[".onnx.json"], found[".onnx"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _failed(name, "mục lục voices.json không đúng", "the index voices.json is not right") from error
    if not (0 < model.bytes <= BYTES_MAX and 0 < config.bytes <= _INDEX_BYTES_MAX):
        raise _failed(name, "kích thước trong mục lục vô lý", "the size in the index makes no sense")
    return config, model


def _index(name: str, url: str, patience: Patience) -> dict[str, Any]:
    for wait_s in _waits(patience):
        try:
            with urlopen(Request(url), timeout=patience.read_s) as answer:  # noqa: S310 - the settings allow http(s) only
                index = json.loads(answer.read(_INDEX_BYTES_MAX))
            break
        except (OSError, http.client.HTTPException) as error:
            if wait_s is None or not _passes(error):
                raise _unreachable(name, url, error) from error
            threading.Event().wait(wait_s)
        except ValueError as error:
            raise _failed(name, f"{url} không phải mục lục giọng", f"{url} is no index of voices") from error
    if not isinstance(index, dict):
        raise _failed(name, f"{url} không phải mục lục giọng", f"{url} is no index of voices")
    return index


def _fetch(name: str, wanted: _Wanted, part: Path, patience: Patience, tell: Callable[[int], None]) -> None:
    """The whole file under the name `part`, right by size and MD5. A break keeps what came; wrong content doesn't."""
    until_s = time.monotonic() + patience.whole_s
    for wait_s in _waits(patience):
        try:
            with full_disk_named(part.parent):
                _go_on(wanted, part, patience, until_s, tell)
        except DiskFull:
            part.unlink(missing_ok=True)
            raise
        except (OSError, http.client.HTTPException) as error:
            if wait_s is None or not _passes(error) or time.monotonic() > until_s:
                raise _unreachable(name, wanted.url, error) from error
            log.warning("voice file interrupted", extra={"voice": name, "reason": str(error)})
            threading.Event().wait(wait_s)
            continue
        break
    size = part.stat().st_size
    if size == wanted.bytes and _digest(part, "md5") == wanted.md5:
        return
    part.unlink()
    if size != wanted.bytes:
        raise _failed(
            name,
            f"tệp dài hơn {wanted.bytes} byte đã báo",
            f"the file is longer than the {wanted.bytes} bytes announced",
        )
    raise _failed(name, "nội dung tệp không khớp mã MD5 trong mục lục", "the file does not have the MD5 of the index")


def _go_on(wanted: _Wanted, part: Path, patience: Patience, until_s: float, tell: Callable[[int], None]) -> None:
    """Fetch what is missing. Raises OSError for a line that broke, also when less came than was announced."""
    have = part.stat().st_size if part.exists() else 0
    if have >= wanted.bytes:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with urlopen(Request(wanted.url, headers=headers), timeout=patience.read_s) as answer:  # noqa: S310 - as above
        resumed = have and answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not str(answer.headers.get("Content-Range")).startswith(f"bytes {have}-"):
            raise ConnectionError("another part than was asked for")
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while piece := answer.read1(_PIECE):
                file.write(piece)
                have += len(piece)
                tell(min(have, wanted.bytes))
                if have > wanted.bytes:
                    return  # told by its size
                if time.monotonic() > until_s:
                    raise TimeoutError("too slow")
            file.flush()
            os.fsync(file.fileno())
    if have < wanted.bytes:
        raise ConnectionError(f"{have} < {wanted.bytes} byte")


def _waits(patience: Patience) -> Iterator[float | None]:
    """How long to wait after each failed attempt; None after the last."""
    for attempt in range(_ATTEMPTS - 1):
        yield patience.backoff_s * 2**attempt
    yield None


def _passes(error: Exception) -> bool:
    """It may go away by itself."""
    return not isinstance(error, HTTPError) or error.code >= 500 or error.code in {408, 429}


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _unreachable(name: str, url: str, error: Exception) -> VoiceInstallFailed:
    log.warning("voice file not fetched", extra={"voice": name, "url": url, "reason": repr(error)})
    if isinstance(error, HTTPError):
        with contextlib.suppress(Exception):
            error.close()
        vi, en = f"trả lời mã {error.code}", f"answered with status {error.code}"
        if error.code == http.HTTPStatus.NOT_FOUND:
            vi, en = (
                "không có tệp này; hãy kiểm tra TRUYENTHANH_VOICES_URL",
                "has no such file; check TRUYENTHANH_VOICES_URL",
            )
    else:
        vi, en = WORDS[kind_of(error)]
    return _failed(name, f"không tải được {url}: máy chủ {vi}", f"{url} can't be fetched: the server {en}")


def _failed(name: str, vi: str, en: str) -> VoiceInstallFailed:
    return VoiceInstallFailed(voice=name, reason_vi=vi, reason_en=en)
