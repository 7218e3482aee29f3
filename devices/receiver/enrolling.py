"""Making a box a receiver: `truyenthanh receiver enrol URL CODE`.

The keys are made here and written down before the server is asked, so that a power cut or a lost answer leaves a box
that can ask again with the same code. The identity takes the place of those only when the answer was found good.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from core.errors import Conflict
from devices.protocol.enrolment import Code
from devices.protocol.signing import SigningKey
from devices.receiver import machine, office, tls
from devices.receiver.identity import Identity, IdentityUnwritable


def enrol_box(url: str, text: str, path: Path, *, web_ca: str = "", again: bool = False) -> Identity:
    """Enrol this machine and write its identity file. Raises errors of ours; nothing half-written is left.

    `again`: a machine that has an identity gives it up for the new one; the old file is kept beside it as `.before`.
    """
    code, address = Code.parse(text), office.checked_url(url)
    if path.exists() and not again:
        raise Conflict(
            what=f"{path} đã có: máy này đã ghi danh. Thêm --again để ghi danh lại"
            f" / {path} is there: this machine is enrolled. Add --again to enrol it anew"
        )
    try:
        keys = _pending(path.with_name(path.name + ".pending"), code)
        identity = office.enrol(
            address, code, keys, post=office.poster(web_ca), this_machine=machine.digest(), web_ca=web_ca
        )
        if path.exists():
            before = path.with_name(path.name + ".before")
            before.unlink(missing_ok=True)
            os.link(path, before)
        identity.save(path)
    except OSError as error:
        raise IdentityUnwritable(path=path, why=error.strerror or error) from error
    path.with_name(path.name + ".pending").unlink(missing_ok=True)
    return identity


def _pending(path: Path, code: Code) -> office.Pending:
    """The keys made for this code before, or new ones, on the disk when this returns."""
    try:
        held = msgspec.json.decode(path.read_bytes(), type=office.Pending)
        if held.code == code.tag:
            return held
    except (FileNotFoundError, msgspec.DecodeError):
        pass
    made = office.Pending(code=code.tag, key=SigningKey.generate().seed.hex(), tls_key=tls.new_key())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(made))
        file.flush()
        os.fsync(file.fileno())
    return made
