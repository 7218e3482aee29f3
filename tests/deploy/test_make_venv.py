"""What a newcomer's machine may lack is named, with the command that mends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "make-venv"


@pytest.fixture
def fake_python(tmp_path: Path) -> Path:
    """A python that runs the real one, but for what a test makes it say."""
    return tmp_path / "python-of-the-machine"


def write(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def make(python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(SCRIPT), str(folder / "venv"), "requirements.lock"],
        env={"PYTHON": python, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_the_venv_module_the_package_is_named(fake_python: Path, tmp_path: Path) -> None:
    python = write(fake_python, f'case "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"')
    done = make(python, tmp_path)
    assert done.returncode == 1
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in done.stderr
    assert "thiếu mô-đun venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_an_old_python_is_named_with_the_way_out(fake_python: Path, tmp_path: Path) -> None:
    python = write(fake_python, 'case "$2" in *version_info*) exit 1;; esac\necho 3.9.2')
    done = make(python, tmp_path)
    assert done.returncode == 1
    assert "3.9.2" in done.stderr
    assert "make demo PYTHON=python3.11" in done.stderr


def test_no_python_at_all(tmp_path: Path) -> None:
    done = make(str(tmp_path / "nowhere"), tmp_path)
    assert done.returncode == 1
    assert "apt-get install python3 python3-venv" in done.stderr
