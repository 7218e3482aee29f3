"""The processes behind the voice espeak: what a fault of the library, a hang, a fork and the end of the parent cost."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audio.errors import VoiceFailed
from audio.voices import Sound, espeak
from audio.voices.espeak import EspeakVoice

SENTENCE = "bà con hãy gọi một một một."

# A worker of the real kind whose engine does something else, at the first time only or always.
BROKEN = """
import importlib.util, os, pathlib, signal, sys
spec = importlib.util.spec_from_file_location("real", {real!r})
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
speak = real.Engine.speak
def broken(self, text, rate_wpm):
    with open({log!r}, "a") as log:
        log.write(str(os.getpid()) + "\\n")
    if {always} or len(open({log!r}).readlines()) == 1:
        {deed}
    return speak(self, text, rate_wpm)
real.Engine.speak = broken
sys.exit(real.main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""
CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"
HANG = "signal.pause()"

Break = Callable[..., None]


def digest(sound: Sound) -> str:
    return hashlib.sha256(sound.samples.tobytes()).hexdigest()


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[espeak._Workers]:
    """Workers of this test's own, all waited for at its end."""
    own = espeak._Workers()
    monkeypatch.setattr(espeak, "_workers", own)
    yield own
    own.end()


@pytest.fixture
def attempts(tmp_path: Path) -> Path:
    """A line with the process's number for each time that a broken engine was asked to speak."""
    return tmp_path / "attempts"


@pytest.fixture
def break_engine(tmp_path: Path, attempts: Path, monkeypatch: pytest.MonkeyPatch) -> Break:
    def broken(deed: str, *, always: bool = False) -> None:
        script = tmp_path / "broken.py"
        script.write_text(BROKEN.format(real=str(espeak._SCRIPT), log=str(attempts), always=always, deed=deed))
        monkeypatch.setattr(espeak, "_SCRIPT", script)

    return broken


def test_threads_speak_two_at_a_time_and_alike(monkeypatch: pytest.MonkeyPatch, workers: espeak._Workers) -> None:
    started: list[espeak._Worker] = []
    real = espeak._Worker

    def counted() -> espeak._Worker:
        started.append(real())
        return started[-1]

    monkeypatch.setattr(espeak, "_Worker", counted)
    heard: list[str] = []
    threads = [threading.Thread(target=lambda: heard.append(digest(EspeakVoice().say(SENTENCE)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [digest(EspeakVoice().say(SENTENCE))] * 8
    assert 1 <= len(started) <= espeak.WORKERS_MOST
    assert len(workers._idle) == len(started)


def test_a_crash_of_the_library_costs_one_sentence_which_is_spoken_again(break_engine: Break, attempts: Path) -> None:
    expected = digest(EspeakVoice().say(SENTENCE))
    espeak.end_workers()
    break_engine(CRASH)
    assert digest(EspeakVoice().say(SENTENCE)) == expected
    assert len(attempts.read_text().split()) == 2


def test_a_sentence_that_crashes_twice_is_a_clear_failure(break_engine: Break, attempts: Path) -> None:
    break_engine(CRASH, always=True)
    with pytest.raises(VoiceFailed) as caught:
        EspeakVoice().say(SENTENCE)
    assert str(128 + signal.SIGSEGV) in caught.value.text("vi")
    assert "eSpeak NG broke off" in caught.value.text("en")
    assert len(attempts.read_text().split()) == 2
    assert all(is_gone(int(pid)) for pid in attempts.read_text().split())


def test_a_sentence_that_hangs_is_killed_at_its_deadline(
    break_engine: Break, attempts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak, "DEADLINE_S", 1.5)
    expected = digest(EspeakVoice().say(SENTENCE))
    espeak.end_workers()
    break_engine(HANG)
    began = time.monotonic()
    assert digest(EspeakVoice().say(SENTENCE)) == expected
    assert time.monotonic() - began > 1.5
    assert is_gone(int(attempts.read_text().split()[0]))


def test_a_worker_that_died_while_idle_is_not_missed(workers: espeak._Workers) -> None:
    expected = digest(EspeakVoice().say(SENTENCE))
    idle = workers._idle[0]._process
    os.kill(idle.pid, signal.SIGKILL)
    os.waitid(os.P_PID, idle.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has fetched its code
    assert digest(EspeakVoice().say(SENTENCE)) == expected


def test_an_interrupted_sentence_is_not_heard_as_the_next(
    monkeypatch: pytest.MonkeyPatch, workers: espeak._Workers
) -> None:
    expected = digest(EspeakVoice().say(SENTENCE))
    lent = workers._idle[0]
    assert lent._process.stdout is not None

    def interrupted(_size: int) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lent._process, "stdout", Interrupting(lent._process.stdout, interrupted))
        with pytest.raises(KeyboardInterrupt):
            EspeakVoice().say("một câu khác hẳn.")
    assert workers._idle == []
    assert is_gone(lent._process.pid)
    assert digest(EspeakVoice().say(SENTENCE)) == expected


class Interrupting:
    """A pipe at which Ctrl-C comes."""

    def __init__(self, pipe: object, read: Callable[[int], bytes]) -> None:
        self.close = pipe.close  # type: ignore[attr-defined]
        self.read = read


def _logged(log: pytest.LogCaptureFixture) -> list[str]:
    """What the library said is for the administrator: it stands in the log, not in what people read."""
    return [vars(record)["reason"] for record in log.records if record.message == "eSpeak NG failed"]


def test_what_the_library_refuses_is_told_and_not_tried_again(
    break_engine: Break, attempts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    break_engine("raise real.Refused('espeak_Synth = 7, 0')")
    with pytest.raises(VoiceFailed, match="reinstall"):
        EspeakVoice().say(SENTENCE)
    assert _logged(caplog) == ["espeak_Synth = 7, 0"]
    assert len(attempts.read_text().split()) == 1
    assert EspeakVoice().say(SENTENCE).samples.size


def test_a_missing_library_is_a_clear_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("audio.voices.espeak.espeakng_loader.get_library_path", lambda: "/nowhere/libespeak-ng.so")
    with pytest.raises(VoiceFailed) as caught:
        EspeakVoice().say(SENTENCE)
    assert "/nowhere/libespeak-ng.so" in _logged(caplog)[0]
    assert "/nowhere" not in caught.value.text("vi")
    assert "espeakng-loader" in caught.value.text("en")


def test_missing_data_is_a_clear_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("audio.voices.espeak.espeakng_loader.get_data_path", lambda: str(tmp_path))
    with pytest.raises(VoiceFailed, match="reinstall"):
        EspeakVoice().say(SENTENCE)
    assert "espeak_" in _logged(caplog)[0]


def test_a_fork_of_this_process_has_workers_of_its_own() -> None:
    code = f"""
import os
from audio.voices import espeak
say = lambda: espeak.EspeakVoice().say({SENTENCE!r}).samples.tobytes()
expected = say()
child = os.fork()
if child == 0:
    mine = espeak._workers._idle == [] and say() == expected
    espeak.end_workers()
    os._exit(0 if mine else 1)
heard = [say() for _ in range(3)]
assert os.waitpid(child, 0)[1] == 0
assert heard == [expected] * 3
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_workers_end_with_a_parent_that_ends_and_leave_no_warning() -> None:
    done = run_and("")
    assert (done.returncode, done.stderr) == (0, "")
    assert_gone_soon(int(done.stdout))


def test_workers_end_with_a_parent_that_is_killed() -> None:
    done = run_and("import signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    assert_gone_soon(int(done.stdout))


def run_and(end: str) -> subprocess.CompletedProcess[str]:
    """A process that speaks, prints the number of its worker and ends."""
    code = f"""
import os
from audio.voices import espeak
espeak.EspeakVoice().say({SENTENCE!r})
print(espeak._workers._idle[0]._process.pid, flush=True)
{end}
"""
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def is_gone(pid: int) -> bool:
    """It has ended. (One whose parent was killed may stay a zombie where nobody fetches the codes of orphans.)"""
    try:
        status = Path("/proc", str(pid), "status").read_text()
    except FileNotFoundError:
        return True
    return re.search(r"^State:\s+[ZX]", status, re.MULTILINE) is not None


def assert_gone_soon(pid: int) -> None:
    deadline = time.monotonic() + 20
    while not is_gone(pid):
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.02)
