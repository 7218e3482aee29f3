"""eSpeak NG in this process: the offline voice. Intelligible, robotic, and there when nothing else is.

The library comes in the wheel `espeakng-loader`. It is one global state with no handle, so one sentence is spoken
at a time (callers that want more speed use processes). That state also drifts: the phase of the voice's flutter
goes on from one call to the next and would make the same text sound differently each time. The library is
therefore unloaded and loaded afresh for every sentence (1 ms), and the same sentence gives the same samples.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from audio.errors import VoiceFailed
from audio.voices.base import Sound

RATE_WPM: Final = 125  # slower than the default of 175: tones need their time

# Best of those tried with a recogniser: northern accent, female variant 5 with a wide pitch range.
_VOICE: Final = "vi+f5"
_PITCH_RANGE: Final = 80
_VOLUME: Final = 70  # at 100 its own limiter works

# From espeak-ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_INITIALIZE_DONT_EXIT: Final = 0x8000
_CHARS_UTF8: Final = 1
_POS_CHARACTER: Final = 1
_RATE, _VOLUME_PARAMETER, _RANGE = 1, 2, 4

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

_one_at_a_time = threading.Lock()


class EspeakVoice:
    """Vietnamese by eSpeak NG."""

    name = "espeak"
    outside = False

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        pieces: list[NDArray[np.int16]] = []

        def collect(wave: Any, count: int, _events: int | None) -> int:
            if wave and count > 0:
                pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
            return 0  # go on

        callback = _Callback(collect)  # held here for as long as the library may call it
        with _one_at_a_time, _engine() as (library, sample_rate):
            _prepare(library, callback, rate or RATE_WPM)
            text = sentence.replace("\0", " ").encode() + b"\0"
            status = library.espeak_Synth(text, len(text), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
            library.espeak_Synchronize()
        if status != 0 or not pieces:
            raise _failed(f"espeak_Synth = {status}, {len(pieces)}")
        samples = (np.concatenate(pieces) / np.float32(32768)).astype(np.float32)
        return Sound(samples, sample_rate, {"engine": "eSpeak NG", "voice": _VOICE, "rate_wpm": str(rate or RATE_WPM)})


@contextlib.contextmanager
def _engine() -> Iterator[tuple[ctypes.CDLL, int]]:
    """A freshly loaded library and its sample rate in Hz."""
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
    except (OSError, RuntimeError) as error:
        raise _failed(str(error)) from error
    try:
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        sample_rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), _INITIALIZE_DONT_EXIT)
        if sample_rate <= 0:
            raise _failed(f"espeak_Initialize = {sample_rate}")
        yield library, sample_rate
        library.espeak_Terminate()
    finally:
        _unload(library)


def _prepare(library: ctypes.CDLL, callback: ctypes._FuncPointer, rate_wpm: int) -> None:
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    library.espeak_SetSynthCallback(callback)
    status = library.espeak_SetVoiceByName(_VOICE.encode())
    if status != 0:
        raise _failed(f"espeak_SetVoiceByName = {status}")
    library.espeak_SetParameter(_RATE, rate_wpm, 0)
    library.espeak_SetParameter(_VOLUME_PARAMETER, _VOLUME, 0)
    library.espeak_SetParameter(_RANGE, _PITCH_RANGE, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breath noise


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        return
    import _ctypes  # noqa: PLC0415 - CPython's own, without dlclose on Windows

    _ctypes.dlclose(library._handle)  # noqa: SLF001 - ctypes has no public way


def _failed(detail: str) -> VoiceFailed:
    return VoiceFailed(
        voice="espeak",
        reason_vi=f"thư viện eSpeak NG báo lỗi ({detail}); hãy cài lại gói espeakng-loader",
        reason_en=f"the eSpeak NG library reports an error ({detail}); reinstall the package espeakng-loader",
    )
