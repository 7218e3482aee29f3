"""The process in which eSpeak NG speaks: a library that is set up once, and a fork of it for every sentence.

It is run alone, not as a module of the package, and imports nothing but the standard library: started with `-I -S` it
is there in some 30 ms and has one thread, so forking it is safe. Called (`run`) with the paths of the library and of
its data and a deadline in seconds (start, and each sentence). From standard input it takes requests, to standard output
it gives one reply each:

- request: rate in words a minute, length (two unsigned 32-bit numbers), then the text in UTF-8;
- reply: status (0: spoken), sample rate in Hz, length (32-bit numbers, the first signed), then 16-bit samples, or the
  reason in UTF-8 where the status isn't 0. All in the machine's own byte order.

A child that dies without a reply, or that the deadline's alarm kills, ends this process too, with 128 plus the signal;
the end of standard input (which comes with the end of the parent, however it ended) ends it with 0.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

TYPE_CHECKING = False  # as the type checker knows it: importing `typing` would take a third of the start
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any, Final, NoReturn, Protocol

    class Speaks(Protocol):
        """What `serve` needs of an engine."""

        sample_rate: int

        def speak(self, text: bytes, rate: int) -> bytes | bytearray: ...

else:
    import _signal as signal  # the half of it that works; the other one names its numbers, which takes a fifth

REQUEST: Final = struct.Struct("=II")
REPLY: Final = struct.Struct("=iII")
FAILED: Final = -1

# Best of those tried with a recogniser: northern accent, female variant 5 with a wide pitch range.
VOICE: Final = "aav/vi+f5"  # by the path of its file: by its name alone all voices are looked through
_PITCH_RANGE: Final = 80
# The library counts English words; Vietnamese ones, which are syllables, come that much faster (over a bulletin).
# Below its slowest the rest is made up by gaps between words, whose unit is this long at that speed.
_WORDS_PER_WORD: Final = 1.49
_SLOWEST: Final = 80
_GAP_S: Final = 0.028
_VOLUME: Final = 70  # at 100 its own limiter works

# From espeak-ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2  # speaks in the caller's thread and starts none of its own
_INITIALIZE_DONT_EXIT: Final = 0x8000
_CHARS_UTF8: Final = 1
_POS_CHARACTER: Final = 1
_RATE, _VOLUME_PARAMETER, _RANGE, _WORD_GAP = 1, 2, 4, 7

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Refused(Exception):
    """The library said no; the text says where."""


class Engine:
    """The library, loaded and with its voice chosen. Speaks once: after that its state has moved on."""

    def __init__(self, library_path: str, data_path: str) -> None:
        try:
            self._library = library = ctypes.CDLL(library_path)
        except OSError as error:
            raise Refused(str(error)) from error
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
        library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        library.espeak_SetSynthCallback.argtypes = [_Callback]
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
        self.sample_rate = int(
            library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data_path), _INITIALIZE_DONT_EXIT)
        )
        if self.sample_rate <= 0:
            raise Refused(f"espeak_Initialize = {self.sample_rate}")
        status = library.espeak_SetVoiceByName(VOICE.encode())
        if status != 0:
            raise Refused(f"espeak_SetVoiceByName = {status}")
        self._callback = _Callback(self._collect)  # held for as long as the library may call it
        self._pcm = bytearray()
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_SetParameter(_VOLUME_PARAMETER, _VOLUME, 0)
        library.espeak_SetParameter(_RANGE, _PITCH_RANGE, 0)

    def _collect(self, wave: Any, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._pcm += ctypes.string_at(wave, 2 * count)
        return 0  # go on

    def speak(self, text: bytes, rate_wpm: int) -> bytearray:
        """The text's 16-bit samples."""
        asked = max(round(rate_wpm / _WORDS_PER_WORD), _SLOWEST)
        lacking_s = max(60 / rate_wpm - 60 / (_SLOWEST * _WORDS_PER_WORD), 0)
        self._library.espeak_SetParameter(_RATE, asked, 0)
        self._library.espeak_SetParameter(_WORD_GAP, round(lacking_s / _GAP_S), 0)
        self._library.espeak_ng_SetRandSeed(1)  # breath noise
        status = self._library.espeak_Synth(text + b"\0", len(text) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != 0 or not self._pcm:
            raise Refused(f"espeak_Synth = {status}, {len(self._pcm)}")
        return self._pcm


def main(library_path: str, data_path: str, deadline_s: float) -> int:
    return serve(lambda: Engine(library_path, data_path), deadline_s)


def serve(start: Callable[[], Speaks], deadline_s: float) -> int:
    """Start an engine and answer requests until standard input ends; each is spoken by a fork that starts afresh."""
    out = _own_stdout()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whatever the parent had made of it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, deadline_s)
    try:
        engine = start()
    except Refused as refused:
        _reply(out, FAILED, 0, str(refused).encode())
        return 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    while request := _request():
        child = os.fork()
        if child == 0:
            _speak_and_exit(engine, out, deadline_s, *request)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != 0:
            return 128 - code if code < 0 else code
    return 0


def _speak_and_exit(engine: Speaks, out: int, deadline_s: float, rate_wpm: int, text: bytes) -> NoReturn:
    """In the child: whatever happens, it ends here."""
    code = 1
    try:
        # An exception in the callback doesn't come out of the library; without this a part of the sentence would lack.
        sys.unraisablehook = lambda _unraisable: os._exit(1)
        signal.setitimer(signal.ITIMER_REAL, deadline_s)  # not inherited; its signal kills, also inside the library
        try:
            pcm = engine.speak(text, rate_wpm)
        except Refused as refused:
            _reply(out, FAILED, 0, str(refused).encode())
        else:
            _reply(out, 0, engine.sample_rate, pcm)
        code = 0
    finally:
        os._exit(code)


def _request() -> tuple[int, bytes] | None:
    header = sys.stdin.buffer.read(REQUEST.size)
    if len(header) < REQUEST.size:
        return None
    rate_wpm, length = REQUEST.unpack(header)
    text = sys.stdin.buffer.read(length)
    return (rate_wpm, text) if len(text) == length else None


def _reply(out: int, status: int, sample_rate: int, payload: bytes | bytearray) -> None:
    for part in (REPLY.pack(status, sample_rate, len(payload)), payload):
        left = memoryview(part)
        while left:
            left = left[os.write(out, left) :]


def _own_stdout() -> int:
    """A descriptor for replies; what a library prints to standard output goes nowhere."""
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return out


def run() -> NoReturn:
    """By the arguments of the process."""
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
