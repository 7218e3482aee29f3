"""Settings from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from core.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine, neither in the environment nor in a file."""
    for name in os.environ:
        if name.startswith("TRUYENTHANH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_everything_has_a_default() -> None:
    settings = Settings()
    assert settings.database == "sqlite:///var/truyenthanh.db"
    assert settings.keys == Path("var/keys")
    assert settings.objects == Path("var/objects")
    assert settings.zone == ZoneInfo("Asia/Ho_Chi_Minh")
    assert settings.broker == "embedded"
    assert settings.voices == ["piper", "espeak"]
    assert not settings.fallback_voices_permitted


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUYENTHANH_DATA_DIR", "/srv/tt")
    monkeypatch.setenv("TRUYENTHANH_KEYS_DIR", "/etc/tt/keys")
    monkeypatch.setenv("TRUYENTHANH_HTTP_PORT", "8080")
    monkeypatch.setenv("TRUYENTHANH_VOICES", "gtts, espeak")
    settings = Settings()
    assert settings.database == "sqlite:////srv/tt/truyenthanh.db"
    assert settings.keys == Path("/etc/tt/keys")
    assert settings.http_port == 8080
    assert settings.voices == ["gtts", "espeak"]
    monkeypatch.setenv("TRUYENTHANH_DATABASE_URL", "postgresql://tt@db/tt")
    assert Settings().database == "postgresql://tt@db/tt"


def test_a_file_in_the_folder_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TRUYENTHANH_SITE_NAME=Đài Xã Một\nTRUYENTHANH_HTTP_PORT=8001\nOTHER=1\n", "utf-8")
    monkeypatch.setenv("TRUYENTHANH_HTTP_PORT", "8002")
    settings = Settings()
    assert (settings.site_name, settings.http_port) == ("Đài Xã Một", 8002)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "70000"),
        ("HTTP_PORT", "tám nghìn"),
        ("BROKER", "rabbitmq"),
        ("AUDIO_KBPS", "20"),
        ("AIRING_DAYS", "0"),
        ("PLAN_HOURS", "169"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRUYENTHANH_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_password_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUYENTHANH_BROKER_PASSWORD", "rất bí mật")
    settings = Settings()
    assert settings.broker_password.get_secret_value() == "rất bí mật"
    assert "bí mật" not in repr(settings)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
