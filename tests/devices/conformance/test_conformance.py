"""The conformance kit: our own receiver, a real process at a real mosquitto, passes all of it; broken ones don't.

The broken receivers are the same program with one fault each, every one with a broker of its own in the kit.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.ids import new_id
from devices.conformance import report, workbench
from devices.conformance.power import Started
from devices.conformance.running import CHECKS, Outcome
from devices.receiver.enrolling import enrol_box
from tests.support.mosquitto import Mosquitto, free_port

ROOT = Path(__file__).parents[3]
BROKEN = Path(__file__).with_name("broken.py")
LEAST = 25

# What is wrong with the receiver, and the check that must see it.
FAULTS = {
    "believes-anybody": "refuses-a-plan-by-the-command-key",
    "hears-for-others": "refuses-a-plan-for-another",
    "knows-no-quiet": "is-silent-in-quiet-hours",
    "begins-late": "plays-on-time",
    "executes-again": "never-executes-twice",
    "takes-any-chunk": "refuses-a-changed-chunk",
    "breaks-its-chain": "keeps-its-chain",
    "is-too-loud": "holds-the-volume-and-its-cap",
}


def judged(folder: Path, program: list[str], *, wanted: tuple[str, ...] = (), real: bool = False) -> list[Outcome]:
    """Put a receiver program through the kit, enrolled over HTTP as at the pole; its sound is recorded."""
    receiver, identity, sound = new_id(), folder / "identity.json", folder / "loa.wav"
    where = ["--identity", str(identity), "--dir", str(folder / "agent"), "--output", f"wav:{sound}"]
    command = shlex.join([sys.executable, *program, *where])

    def run(broker: str = "", password: str = "") -> list[Outcome]:
        return workbench.run(
            workbench.Bench(
                folder / "kit", receiver, ("127.0.0.1", free_port()), broker=broker, password=password, recording=sound
            ),
            lambda: Started(command, folder / "receiver.log"),
            told=lambda _outcome: None,
            invite=lambda address, code: (enrol_box(address, code, identity), None)[1],
            wanted=wanted,
        )

    if not real:
        return run()
    with Mosquitto(folder / "broker", {"server": "of the server", receiver: "of the box"}) as mosquitto:
        return run(f"mqtt://server:of%20the%20server@127.0.0.1:{mosquitto.port}", "of the box")


@pytest.mark.timeout(240)
def test_our_receiver_passes_all_of_it(tmp_path: Path) -> None:
    outcomes = judged(tmp_path, ["-m", "devices.receiver"], real=True)
    assert [report.line(one) for one in outcomes if one.mark != "passed"] == []
    assert {one.check.name for one in outcomes} == CHECKS.keys()
    assert len(outcomes) >= LEAST
    assert report.exit_status(outcomes) == 0
    told = json.loads(json.dumps(report.as_json("x", outcomes)))
    assert all(one["evidence"] and one["title"] and one["passage"].startswith("Section") for one in told["checks"])


@pytest.mark.timeout(240)
def test_it_sees_what_is_wrong_with_a_broken_receiver(tmp_path: Path) -> None:
    """All side by side: they wait more than they compute."""

    def marks(fault: str) -> dict[str, str]:
        folder = tmp_path / fault
        folder.mkdir()
        outcomes = judged(folder, [str(BROKEN), fault], wanted=(FAULTS[fault], "records-each-item-whole"))
        return {one.check.name: one.mark for one in outcomes}

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        found = dict(zip(FAULTS, pool.map(marks, FAULTS), strict=True))
    seen = {fault: marks[FAULTS[fault]] for fault, marks in found.items()}
    assert seen == dict.fromkeys(FAULTS, "failed")
    # What they do right is not held against them.
    assert {fault: marks["accepts-a-plan"] for fault, marks in found.items()} == dict.fromkeys(FAULTS, "passed")


def test_the_command_lists_the_checks_and_says_what_it_can_t_begin_with() -> None:
    program = str(Path(sys.executable).parent / "truyenthanh")
    listed = subprocess.run([program, "conformance", "--list"], capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == len(CHECKS) >= LEAST
    wrong = subprocess.run(
        [program, "conformance", "--receiver", "không-phải"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "ULID" in wrong.stderr
    assert "Traceback" not in wrong.stderr
