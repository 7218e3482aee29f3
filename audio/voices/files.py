"""Voice files of a site: `<name>.onnx` with `<name>.onnx.json` beside it, in one folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["ready", "damaged"]
_PIECE = 1 << 20
_fingerprints: dict[tuple[Path, tuple[int, ...]], str] = {}


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A voice file as it stands in the folder. `language` is a BCP 47 primary tag such as vi; "" where unknown."""

    name: str
    path: Path
    bytes: int
    language: str
    licence: str
    state: State

    @property
    def config_path(self) -> Path:
        return Path(f"{self.path}.json")


def installed(folder: Path) -> list[VoiceFile]:
    """What is in the folder, by name. A missing folder holds nothing."""
    return [_described(path) for path in sorted(folder.glob("*.onnx"))]


def stamp(voice: VoiceFile) -> tuple[int, ...]:
    """When file and configuration were written, and their sizes: another stamp is another voice. Raises OSError."""
    states = [path.stat() for path in (voice.path, voice.config_path)]
    return tuple(number for state in states for number in (state.st_mtime_ns, state.st_size))


def fingerprint(voice: VoiceFile) -> str:
    """What the sound depends on: SHA-256 over file and configuration, in pieces, once a stamp. Raises OSError."""
    key = (voice.path.absolute(), stamp(voice))
    if key not in _fingerprints:
        digest = hashlib.sha256()
        for path in (voice.path, voice.config_path):
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        _fingerprints[key] = digest.hexdigest()
    return _fingerprints[key]


def check_config(data: bytes) -> dict[str, Any]:
    """A voice's configuration. Raises ValueError for what isn't one."""
    config = json.loads(data)
    if not isinstance(config, dict) or not isinstance(config.get("audio"), dict) or "phoneme_id_map" not in config:
        raise ValueError("not the configuration of a voice")
    return config


def _described(path: Path) -> VoiceFile:
    language = ""
    size = 0
    try:
        size = path.stat().st_size
        config = check_config(Path(f"{path}.json").read_bytes())
    except (OSError, ValueError):
        return VoiceFile(path.stem, path, size, path.stem.partition("_")[0], "", "damaged")
    stated = config.get("language")
    if isinstance(stated, dict):
        language = str(stated.get("family") or stated.get("code") or "")
    language = (language or path.stem).partition("_")[0]
    licence = str(config.get("license") or "")
    return VoiceFile(path.stem, path, size, language, licence, "ready" if size else "damaged")
