"""Settings: environment variables `TRUYENTHANH_…` (or a `.env` file); `truyenthanh settings` lists them all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import SettingsInvalid


class Settings(BaseSettings):
    """One installation serves one province; everything that differs between installations is here."""

    model_config = SettingsConfigDict(env_prefix="TRUYENTHANH_", env_file=".env", extra="ignore")

    data_dir: Path = Field(default=Path("var"), description="Folder of the database, audio objects and keys")
    database_url: str = Field(default="", description="SQLAlchemy address; empty: SQLite in the data folder")
    keys_dir: Path | None = Field(
        default=None, description="Folder of the signing keys; empty: keys/ in the data folder"
    )
    voices_dir: Path | None = Field(
        default=None, description="Folder of the voice files; empty: voices/ in the data folder"
    )
    timezone: str = Field(default="Asia/Ho_Chi_Minh", description="Wall time of schedules and pages (IANA name)")
    site_name: str = Field(default="Truyền Thanh", description="Name of the installation on pages and in messages")

    http_host: str = Field(default="127.0.0.1", description="Address the web server listens on")
    http_port: int = Field(default=8000, ge=0, le=65535, description="Port of the web server; 0: any free one")
    trusted_proxy: bool = Field(
        default=False,
        description="Take a visitor's address from X-Forwarded-For, as a proxy on this machine sets it (a proxy"
        " elsewhere: name it in FORWARDED_ALLOW_IPS); on only where nobody reaches the web server but through it",
    )
    secure_cookies: bool = Field(default=False, description="Set the Secure flag on cookies; on behind HTTPS")

    broker: Literal["embedded", "external"] = Field(
        default="embedded", description="embedded: amqtt in this process (a small site); external: mosquitto or EMQX"
    )
    broker_host: str = Field(default="127.0.0.1", description="Address of the broker")
    broker_port: int = Field(
        default=1883, ge=0, le=65535, description="Port of the broker; 0 with embedded: any free one"
    )
    broker_username: str = Field(default="server", description="Name of the server's processes at the broker")
    broker_password: SecretStr = Field(
        default=SecretStr(""), description="Their password; empty with embedded: made anew at each start"
    )
    broker_password_file: Path | None = Field(
        default=None,
        description="mosquitto's password_file, kept up to date with the receivers; empty: none is written",
    )
    broker_hook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="What a broker that asks the web process about logins (EMQX) must send; empty: nobody may ask",
    )
    broker_tls_ca: Path | None = Field(default=None, description="CA certificate of the broker; empty: no TLS")
    broker_revocation_list: Path | None = Field(
        default=None,
        description="mosquitto's crlfile, kept up to date with revoked client certificates; empty: none is written",
    )
    receiver_broker: Annotated[str, Field(pattern=r"^$|^[^\s:/]+:[1-9]\d{0,4}$")] = Field(
        default="",
        description="HOST:PORT of an external broker's TLS listener as receivers reach it, who come to it with client"
        " certificates; empty: they are given BROKER_HOST and BROKER_PORT, and a password",
    )
    public_url: str = Field(
        default="",
        description="Address of this web server as receivers and people reach it, such as https://loa.example.vn;"
        " empty: the one under which it is asked",
    )

    voices: Annotated[list[str], NoDecode] = Field(
        default=["piper", "espeak"],
        description="Voices in order of preference, separated by commas; the first is the wanted one, there or not:"
        " piper (every Vietnamese voice file of the site), one file's name, http, gtts, espeak",
    )
    voices_url: str = Field(
        default="", description="Address from which voice files are installed; voices.json stands there"
    )
    http_voice_url: str = Field(
        default="", description="Address of a speech server that answers /v1/audio/speech, for the voice http"
    )
    http_voice_model: str = Field(default="tts-1", description="Model that is asked of it")
    http_voice_name: str = Field(default="default", description="Voice that is asked of it")
    http_voice_key: SecretStr = Field(default=SecretStr(""), description="Its API key; empty: none is sent")
    fallback_voices_permitted: bool = Field(
        default=False,
        description="What a fallback spoke may be approved: espeak, or another than the first of TRUYENTHANH_VOICES",
    )
    voice_cache_mb: int = Field(
        default=512,
        ge=0,
        description="Disk for sentences that were spoken and mastered already, in MB; 0: none is kept",
    )
    bulletin_characters_max: int = Field(default=8000, ge=100, description="Longest text of a bulletin, in characters")
    bulletin_minutes_max: int = Field(
        default=15, ge=1, le=360, description="Longest bulletin as it would be spoken, in minutes"
    )
    audio_kbps: Literal[16, 24, 32] = Field(
        default=32, description="Bit rate of full-range sounds (amplifiers, transmitters, music), kbit/s: 16, 24 or 32"
    )
    audio_horn_kbps: Literal[16, 24, 32] = Field(
        default=24,
        description="Bit rate of sounds for horn loudspeakers, mostly fetched by mobile data, kbit/s: 16, 24, 32",
    )

    quiet_hours: Annotated[str, Field(pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] = Field(
        default="21:00-05:00",
        description="Local span in which nothing but an emergency may sound, HH:MM-HH:MM; empty: none",
    )
    plan_hours: int = Field(default=72, ge=1, le=168, description="How far ahead a receiver's plan reaches, hours")
    airing_days: int = Field(default=14, ge=1, le=60, description="How far ahead airings are materialised, days")

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least severity logged")
    log_format: Literal["text", "json"] = Field(default="text", description="Log lines as text or as JSON")

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings of the environment, with `given` over them. Raises SettingsInvalid for the first wrong one."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = "TRUYENTHANH_" + "_".join(str(part) for part in first["loc"][:1]).upper()
            raise SettingsInvalid(name=name, value=first["input"], why=first["msg"]) from error

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                "không có múi giờ này, hãy dùng tên IANA như Asia/Ho_Chi_Minh / no such time zone"
            ) from error
        return value

    @field_validator("voices_url", "http_voice_url", "public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and (not value.startswith(("http://", "https://")) or not urlsplit(value).hostname):
            raise ValueError("phải là địa chỉ http:// hoặc https:// / it must be an http:// or https:// address")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
            raise ValueError("phải bắt đầu bằng sqlite: hoặc postgresql: / it must begin with sqlite: or postgresql:")
        return value

    @field_validator("voices", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @property
    def database(self) -> str:
        """The SQLAlchemy address in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'truyenthanh.db'}"

    @property
    def keys(self) -> Path:
        """The folder of the signing keys in force."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def objects(self) -> Path:
        """The folder of the content-addressed audio objects."""
        return self.data_dir / "objects"

    @property
    def voice_files(self) -> Path:
        """The folder of the voice files."""
        return self.voices_dir or self.data_dir / "voices"

    @property
    def originals(self) -> Path:
        """The folder of recordings as they were handed in."""
        return self.data_dir / "recordings"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
