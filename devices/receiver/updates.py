"""Software updates, the receiver's side. What starts and judges a release is `launch`, which no release replaces.

1. A command `update` brings a signed release. It is taken if its signature holds, its number is above every one taken
   before, and this machine can run it; answered with why not otherwise.
2. Its object is fetched like sound: chunk by chunk, each checked.
3. It is unpacked beside what runs, by a thread, and only plain files and folders of it. Then it is put on trial, at a
   time when nothing sounds and nothing is due for `update_clear_ms`, and the agent ends to be started anew.
4. On trial, the agent proves itself: it is connected, has trustworthy time, and its sound card asks for sound, for
   `proof_s` on end. If it doesn't in the release's time, what ran before is started, which tells so: the alarm
   `update-rolled-back`. A release that was kept shows in the next hello.
"""

from __future__ import annotations

import io
import logging
import os
import platform
import shutil
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from core.clock import from_ms
from devices.protocol.plan import Manifest
from devices.protocol.releases import RELEASE_BYTES_MAX, Release, open_release
from devices.protocol.signing import BadMessage
from devices.protocol.trust import Trust
from devices.receiver import launch
from devices.receiver.cache import Cache
from devices.receiver.machine import RELEASE_FILE
from devices.receiver.messenger import Messenger
from devices.receiver.player import Player
from devices.receiver.settings import AgentSettings
from devices.receiver.state import State

log = logging.getLogger(__name__)

NEVER = float("inf")
LOOK_S = 5.0
FILES_MAX = 5_000
UNPACKED_BYTES_MAX = 4 * RELEASE_BYTES_MAX


class Updates:
    """Used by the working thread only. `folder` None: nothing could start a release, so none is taken."""

    def __init__(
        self,
        folder: Path | None,
        *,
        state: State,
        trust: Trust,
        cache: Cache,
        player: Player,
        messenger: Messenger,
        settings: AgentSettings,
        restart: Callable[[], None] | None,
    ) -> None:
        self._folder = folder if restart is not None else None
        self._state = state
        self._trust = trust
        self._cache = cache
        self._player = player
        self._messenger = messenger
        self._settings = settings
        self._restart = restart
        self._pending: Release | None = None
        self._unpacking: threading.Thread | None = None
        self._unpacked = ""  # written by that thread: empty, "ok", or why it can't be
        self._restarting = False
        self._well_since_s: float | None = None
        self.on_trial = bool(os.environ.get(launch.TRIAL)) and folder is not None and _trial(folder)

    def begin(self) -> None:
        """Take up what was pending, and tell what became of the last trial."""
        if self._folder is None:
            return
        outcome = launch.read(self._folder / "outcome.json")
        if outcome.get("result") == "rolled-back":
            self._messenger.alarm("update-rolled-back", f"{outcome.get('version', '')}: {outcome.get('reason', '')}")
        (self._folder / "outcome.json").unlink(missing_ok=True)
        token = self._state.get("release")
        if token and not outcome:
            try:
                self._pending = open_release(token, self._trust, None)[1]
            except BadMessage as error:
                log.warning("A release is no longer good", extra={"reason": error.reason})
        elif token:
            self._state.put("release", None)

    def offer(self, token: str, now_ms: float) -> str:
        """A release that a command brought; the empty string, or why it isn't taken."""
        if self._folder is None:
            return "unsupported"
        try:
            seq, release = open_release(token, self._trust, from_ms(int(now_ms)))
        except BadMessage as error:
            return error.reason
        if seq <= int(self._state.get("release-floor", 0)):
            return "replayed"
        if release.object.bytes > RELEASE_BYTES_MAX or not _runs_here(release.python):
            return "not-for-this-machine"
        with self._state.writing():
            self._state.put("release-floor", seq)
            self._state.put("release", token)
        self._pending, self._unpacked = release, ""
        log.info("A release is to be tried", extra={"version": release.version})
        return ""

    @property
    def wanted(self) -> Manifest | None:
        """The object that has to be fetched for it, or kept until it is unpacked."""
        return self._pending.object if self._pending is not None else None

    def tick(self, now_s: float, next_airing_ms: float, *, well: bool) -> float:
        """`next_airing_ms`: until something sounds. `well`: connected, with time and sound. When to be called again."""
        if self.on_trial:
            return self._prove(now_s, well=well)
        release = self._pending
        if release is None or self._restarting:
            return NEVER
        if not self._cache.has(release.object.sha256):
            return LOOK_S
        if not self._unpacked:
            if self._unpacking is None:
                self._unpacking = threading.Thread(target=self._unpack, args=(release,), name="unpack", daemon=True)
                self._unpacking.start()
            return 1.0
        self._unpacking = None
        if self._unpacked != "ok":
            self._messenger.alarm("update-failed", f"{release.version}: {self._unpacked}")
            self._forget()
        elif next_airing_ms >= self._settings.update_clear_ms and self._player.idle:
            self._begin_trial(release)
        return LOOK_S

    def _begin_trial(self, release: Release) -> None:
        if self._folder is None or self._restart is None:
            return
        trial = {"name": _name(release), "version": release.version, "health_s": release.health_s, "tries": 0}
        try:
            launch.write(self._folder / "trial.json", trial)
        except OSError as error:
            self._messenger.alarm("disk", str(error))
            return
        self._forget()
        self._restarting = True
        log.info("The agent ends, for a release to be tried", extra={"version": release.version})
        self._restart()

    def _forget(self) -> None:
        if self._pending is not None:
            self._cache.drop(self._pending.object.sha256)
        self._pending = None
        self._state.put("release", None)

    def _prove(self, now_s: float, *, well: bool) -> float:
        if not well or self._folder is None:
            self._well_since_s = None
            return 1.0
        if self._well_since_s is None:
            self._well_since_s = now_s
        if now_s - self._well_since_s < self._settings.proof_s:
            return 1.0
        (self._folder / "healthy").touch()
        self.on_trial = False
        log.info("The release on trial has proved itself")
        return NEVER

    def _unpack(self, release: Release) -> None:
        """On a thread of its own."""
        folder = self._folder
        if folder is None:
            return
        try:
            unpack(self._cache.path(release.object.sha256).read_bytes(), folder / "releases", release)
        except (OSError, ValueError, tarfile.TarError, EOFError) as error:
            log.exception("A release can't be unpacked")
            self._unpacked = f"{type(error).__name__}: {error}"[:300]
        else:
            self._unpacked = "ok"


def unpack(packed: bytes, into: Path, release: Release) -> Path:
    """The release as a folder of `into`, there whole or not at all; others but the current one are removed.

    Raises ValueError for what isn't a release: anything but plain files and folders below its own, too many, too much.
    """
    place, temporary = into / _name(release), into / f"{_name(release)}.new"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        left_files, left_bytes = FILES_MAX, UNPACKED_BYTES_MAX
        for member in archive:
            left_files, left_bytes = left_files - 1, left_bytes - member.size
            if left_files < 0 or left_bytes < 0:
                raise ValueError("too large")
            _put(archive, member, temporary)
    if (temporary / RELEASE_FILE).read_text().strip() != release.version:
        raise ValueError("the object holds another version")
    os.sync()
    current = into.parent / "current"
    running = current.resolve().name if current.exists() else ""
    for old in into.iterdir():
        if old.name not in {temporary.name, running}:
            shutil.rmtree(old, ignore_errors=True)
    temporary.rename(place)
    return place


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"a path that leads out: {member.name}")
    path = into.joinpath(*name.parts)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    file = archive.extractfile(member) if member.isfile() else None
    if file is None:
        raise ValueError(f"neither a file nor a folder: {member.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as written:
        shutil.copyfileobj(file, written)


def pack(files: Mapping[str, bytes], version: str) -> bytes:
    """A release of these files (by their paths), the same bytes at each time."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=9, format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted({**files, RELEASE_FILE: f"{version}\n".encode()}.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    packed = bytearray(raw.getvalue())
    packed[4:8] = bytes(4)  # the time of packing, which gzip would write down
    return bytes(packed)


def _name(release: Release) -> str:
    return f"{release.version}-{release.object.sha256[:16]}"


def _runs_here(least: str) -> bool:
    try:
        wanted = tuple(int(part) for part in least.split("."))
    except ValueError:
        return False
    return sys.version_info[: len(wanted)] >= wanted and platform.system() == "Linux"


def _trial(folder: Path) -> bool:
    return bool(launch.read(folder / "trial.json"))
