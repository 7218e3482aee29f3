"""The child process of the voice gtts: one sentence from standard input (JSON) into an MP3 file.

It is a script, not a module of the package, and imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gtts.tts
import requests


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
        sys.stderr.write(f"{host}: {str(error).splitlines()[0] if str(error) else type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
