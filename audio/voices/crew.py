"""Several sentences at once by one voice, where it allows that, none waited for beyond its deadline.

The threads are daemons: one whose voice hangs for ever holds neither its caller nor the end of the process.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from audio.errors import VoiceFailed
from audio.voices.base import Sound, Voice


def speak_all(
    voice: Voice,
    sentences: Sequence[str],
    rate: int | None,
    *,
    deadline_s: float,
    spoken: Callable[[str, Sound], None],
) -> None:
    """Speak them, telling of each as it comes, in the caller's thread. The first failure ends it.

    Raises what the voice raises, and `VoiceFailed` when nothing has come for `deadline_s`.
    """
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for sentence in sentences:
        todo.put(sentence)
    came: queue.SimpleQueue[tuple[str, Sound | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                sentence = todo.get_nowait()
            except queue.Empty:
                return
            try:
                came.put((sentence, voice.say(sentence, rate=rate)))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                came.put((sentence, error))
                return

    for number in range(min(voice.at_once, len(sentences))):
        threading.Thread(target=work, daemon=True, name=f"voice-{voice.name}-{number}").start()
    try:
        for _ in sentences:
            try:
                sentence, result = came.get(timeout=deadline_s)
            except queue.Empty:
                raise VoiceFailed(
                    voice=voice.name,
                    reason_vi=f"không trả lời trong {deadline_s:.0f} giây",
                    reason_en=f"nothing came from it within {deadline_s:.0f} seconds",
                ) from None
            if isinstance(result, BaseException):
                raise result
            spoken(sentence, result)
    finally:
        stop.set()
