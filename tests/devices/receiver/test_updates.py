"""Software updates: what is taken and unpacked, and the whole way of one over a broker to a running box."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from core.ids import new_id
from devices.protocol.commands import Command
from devices.protocol.releases import Release, sign_release
from devices.protocol.reports import Alarm, CommandResult
from devices.receiver.updates import pack, unpack
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import Audio, Station
from tests.devices.receiver.test_process import Post, posted

ROOT = Path(__file__).parents[3]


def sources() -> dict[str, bytes]:
    return {
        str(p.relative_to(ROOT)): p.read_bytes() for room in ("core", "devices") for p in (ROOT / room).rglob("*.py")
    }


def release(station: Station, version: str, packed: bytes, **members: object) -> tuple[Audio, str]:
    """The object of a release, and the release as it is signed."""
    audio = Audio(packed, 0, chunk_bytes=65_536)
    body = Release(release=new_id(), version=version, object=audio.manifest, **members)  # type: ignore[arg-type]
    now, keys = station.clock.now(), station.keys
    token = sign_release(
        keys.key("release"),
        body,
        issuer=keys.issuer,
        certificate=keys.certificates["release"],
        now=now,
        until=now + timedelta(days=1),
    )
    return audio, token


def a_release(version: str = "2") -> Release:
    return Release(release=new_id(), version=version, object=Audio(b"x", 0).manifest)


def test_packed_and_unpacked_it_is_the_same_and_the_bytes_are_too(tmp_path: Path) -> None:
    files = {"devices/a.py": b"a", "core/b.py": b"b"}
    packed = pack(files, "2")
    assert pack(dict(reversed(files.items())), "2") == packed
    (tmp_path / "releases" / "older").mkdir(parents=True)
    place = unpack(packed, tmp_path / "releases", a_release())
    assert {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()} == {
        **files,
        "RELEASE": b"2\n",
    }
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [place.name]


def archive(*members: tarfile.TarInfo) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as made:
        for member in members:
            made.addfile(member, io.BytesIO(bytes(member.size)))
    return raw.getvalue()


def named(name: str, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "packed",
    [
        archive(named("../out")),
        archive(named("/etc/passwd")),
        archive(named("a/../../out")),
        archive(named("link", kind=tarfile.SYMTYPE, target="/etc")),
        archive(named("hard", kind=tarfile.LNKTYPE, target="/etc/passwd")),
        archive(named("pipe", kind=tarfile.FIFOTYPE)),
        archive(*(named(str(n)) for n in range(5_001))),
        pack({}, "another version"),
        b"no archive",
        pack({"a": b"a"}, "2")[:40],
    ],
    ids=["above", "absolute", "above-later", "link", "hard-link", "pipe", "too-many", "another", "none", "cut-short"],
)
def test_what_is_no_release_leaves_nothing_behind(tmp_path: Path, packed: bytes) -> None:
    with pytest.raises((OSError, ValueError, tarfile.TarError, EOFError)):
        unpack(packed, tmp_path / "releases", a_release())
    assert [path.name for path in (tmp_path / "releases").iterdir() if not path.name.endswith(".new")] == []
    assert [path.name for path in tmp_path.iterdir()] == ["releases"]


def test_only_what_was_signed_for_releases_newer_and_fit_is_taken(scene: Scene, tmp_path: Path) -> None:
    scene.run(software=tmp_path / "software", restart=lambda: None)
    station = scene.station

    def told(token: str) -> str:
        return scene.command(Command(id=new_id(), name="update", release=token)).reason

    _, older = release(station, "2", b"older")
    _, future = release(station, "3", b"future", python="99.0")
    _, good = release(station, "3", b"good")
    by_plan = station.signed("plan", "*", a_release(), cert=station.keys.certificates["plan"]).decode()
    assert told("no token") == "malformed"
    assert told(by_plan) == "unknown-key"
    assert told(good[:-4] + "AAAA") == "forged"
    assert told(future) == "not-for-this-machine"
    assert told(good) == ""
    assert told(older) == "replayed"
    assert told(good) == "replayed"


def test_where_nothing_can_start_a_release_none_is_taken(scene: Scene) -> None:
    scene.run()
    _, good = release(scene.station, "3", b"good")
    assert scene.command(Command(id=new_id(), name="update", release=good)).reason == "unsupported"


def test_a_box_takes_a_release_and_undoes_one_that_fails(tmp_path: Path) -> None:
    with posted(tmp_path) as post:
        process = start(post)
        try:
            install(post, "9.9.1", sources())
            post.station.wait(lambda: software(post) == "truyenthanh 9.9.1")
            broken = sources()
            broken["devices/receiver/presence.py"] = b"raise RuntimeError('broken')\n"
            install(post, "9.9.2", broken)
            post.station.wait(lambda: post.station.heard(Alarm))
            alarm = post.station.heard(Alarm)[0]
            assert alarm.name == "update-rolled-back"
            assert "9.9.2: it ended with status 1" in alarm.detail
            post.station.wait(lambda: software(post) == "truyenthanh 9.9.1")
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(20)


def start(post: Post) -> subprocess.Popen[bytes]:
    path = post.folder / "identity.json"
    post.identity.save(path)
    arguments = ["--identity", str(path), "--dir", str(post.folder / "agent"), "--output", "null"]
    process = subprocess.Popen([sys.executable, "-m", "devices.receiver.launch", *arguments], cwd=ROOT)
    post.station.wait(lambda: post.station.hellos)
    return process


def install(post: Post, version: str, files: dict[str, bytes]) -> None:
    audio, token = release(post.station, version, pack(files, version), health_s=60)
    post.station.publish(audio)
    command = Command(id=new_id(), name="update", release=token)
    post.station.command(post.identity.receiver, command)
    post.station.wait(lambda: any(result.id == command.id for result in post.station.heard(CommandResult)))
    (answer,) = [result for result in post.station.heard(CommandResult) if result.id == command.id]
    assert answer.result == "accepted", answer.reason


def software(post: Post) -> str:
    return post.station.hellos[-1][1].software
