"""docker-compose.yml read as text: what can be held without a Docker engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("web", "scheduler", "ingest")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Target → source of a service's volumes."""
    return {entry.split(":")[1]: entry.split(":")[0] for entry in service.get("volumes", [])}


def test_nothing_listens_beyond_loopback_unless_told(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert port.startswith(("${HTTP_LISTEN:-127.0.0.1}:", "${BROKER_LISTEN:-127.0.0.1}:"))


def test_each_process_sees_only_its_own_keys_and_secrets(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {part: mounts(services[part])["/keys"] for part in PARTS} == {part: f"keys-{part}" for part in PARTS}
    assert "/secrets/broker" not in mounts(services["web"])
    holders = [name for name, service in services.items() if "keys-root" in mounts(service).values()]
    assert holders == ["init"]


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        environment = service.get("environment", {})
        written = [key for key in environment if key.endswith("PASSWORD") or "SECRET" in key]
        assert not written, name


def test_every_part_runs_what_the_command_line_knows(compose: dict[str, Any]) -> None:
    for part in PARTS:
        assert compose["services"][part]["command"] == ["serve", "--only", part]
        assert compose["services"][part]["read_only"] is True


def test_every_file_and_volume_it_names_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for source in mounts(service).values():
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
            else:
                assert source in compose["volumes"]
    assert (ROOT / compose["services"]["web"]["build"]["dockerfile"]).exists()


def test_its_broker_is_set_up_as_the_other_one() -> None:
    """The two mosquitto configurations differ in paths and listener only."""

    def lines(path: str) -> set[str]:
        text = (ROOT / path).read_text(encoding="utf-8")
        files = ("password_file", "acl_file", "certfile", "keyfile", "cafile", "crlfile")
        own = ("listener", "persistence_location", "#", *files)
        return {line for line in text.splitlines() if line and not line.startswith(own)}

    assert lines("deploy/docker/mosquitto.conf") == lines("deploy/mosquitto/mosquitto.conf")


def test_the_image_has_the_engine_of_neural_voices_in_the_version_that_is_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return dict(line.split()[0].split("==") for line in lines if "==" in line)

    server, image, tested = (pins(f"requirements{kind}.lock") for kind in ("", "-piper", "-dev"))
    assert server.items() <= image.items() <= tested.items()
    assert "piper-tts" in image
    assert "-r requirements-piper.lock" in (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
