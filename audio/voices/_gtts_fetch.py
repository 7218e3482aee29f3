"""The child process of the voice gtts: one sentence from standard input (JSON) into an MP3 file.

It is a script, not a module of the package. What fails it tells on standard output as JSON: `host`, `status` (of HTTP,
or null) and `kind` (of `_network.py`, the one file of the project that it loads).
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gtts.tts
import requests

_spec = importlib.util.spec_from_file_location("_network", Path(__file__).with_name("_network.py"))
assert _spec is not None  # noqa: S101 - the file stands beside this one
assert _spec.loader is not None  # noqa: S101
_network: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_network)


class _Session(requests.Session):
    """gTTS turns the check of certificates off; what goes on air must come from whom it claims to come from."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["verify"] = os.environ.get("REQUESTS_CA_BUNDLE") or True
        return super().send(request, **options)


def main() -> int:
    task = json.load(sys.stdin)
    gtts.tts.requests.Session = _Session
    if task["endpoint"]:
        gtts.tts._translate_url = lambda tld="com", path="": task["endpoint"].rstrip("/") + "/" + path  # noqa: SLF001, ARG005 - no public way
    speech = gtts.tts.gTTS(task["text"], lang="vi", slow=task["slow"], lang_check=False, timeout=task["timeout_s"])
    try:
        with Path(task["path"]).open("wb") as file:
            speech.write_to_fp(file)
    except (gtts.tts.gTTSError, requests.RequestException, AssertionError, ValueError) as error:
        host = urlsplit(task["endpoint"] or "https://translate.google.com").netloc
        answer = getattr(error, "rsp", None)
        told = {"host": host, "status": getattr(answer, "status_code", None), "kind": _network.kind_of(error)}
        json.dump(told | {"error": str(error)[:500]}, sys.stdout)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
