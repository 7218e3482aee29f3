"""The process in which a neural voice speaks: the voice file is loaded once, a fork speaks each sentence.

A script like `_espeak_worker.py`, whose loop and wire it runs. The runtime is given one thread: then the process has
no other, forking it is safe, and the noise that makes such a voice lively starts alike for every sentence, so the same
sentence gives the same samples. The rate of a request is a length scale in thousandths (0: the voice's own).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

_spec = importlib.util.spec_from_file_location("_espeak_worker", Path(__file__).with_name("_espeak_worker.py"))
assert _spec is not None  # noqa: S101 - the file stands beside this one
assert _spec.loader is not None  # noqa: S101
wire: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(wire)


class Engine:
    """A voice file and its configuration beside it. Raises `Refused` for what isn't one."""

    def __init__(self, model: str) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - its absence is told, not a traceback
            import piper  # noqa: PLC0415
        except ImportError as error:
            raise wire.Refused(f"piper-tts: {error}") from error
        onnxruntime.set_default_logger_severity(4)
        onnxruntime.set_seed(1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            config = piper.PiperConfig.from_dict(_json(Path(model + ".json")))
        except Exception as error:  # the runtime has a class of its own for each way to be damaged
            raise wire.Refused((str(error).splitlines() or [type(error).__name__])[0]) from error
        self._voice = piper.PiperVoice(session=session, config=config)
        self._scaled = piper.SynthesisConfig
        self.sample_rate = int(config.sample_rate)

    def speak(self, text: bytes, rate: int) -> bytes:
        """The text's 16-bit samples."""
        own = self._voice.config.length_scale
        config = self._scaled(length_scale=own * rate / 1000 if rate else own)
        try:
            pcm = b"".join(chunk.audio_int16_bytes for chunk in self._voice.synthesize(text.decode(), config))
        except Exception as error:  # a configuration that doesn't belong to its voice file, mostly
            raise wire.Refused((str(error).splitlines() or [type(error).__name__])[0]) from error
        if not pcm:
            raise wire.Refused("no sound")
        return pcm


def _json(path: Path) -> Any:
    import json  # noqa: PLC0415 - beside its only use

    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(wire.serve(lambda: Engine(sys.argv[1]), float(sys.argv[2])))
