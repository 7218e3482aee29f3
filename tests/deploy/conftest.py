"""One real installation for all tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.site import ReceiverProcess, Site, running_site, until

TEXT = "Đây là bản tin thử của hệ thống truyền thanh. Bà con nghe rõ xin cảm ơn. Hẹn gặp lại trong buổi phát sau."


@dataclass
class Village:
    """A site with one commune, two receivers, and a programme that may air."""

    site: Site
    commune: str
    receivers: list[ReceiverProcess]
    programme: str

    def until_online(self) -> None:
        wanted = {receiver.id for receiver in self.receivers}
        until(lambda: self.site.online() >= wanted, 100, "both receivers are online")


def open_to_all(folder: str) -> Path:
    path = Path(folder)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def village() -> Iterator[Village]:
    # pytest's own folders are closed to others, and PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="truyenthanh-site-") as folder, running_site(open_to_all(folder)) as site:
        province = site.unit("province", "Tỉnh thử")
        commune = site.unit("commune", "Xã thử", province)
        receivers = [site.receiver(commune, f"Bộ thu {number}") for number in (1, 2)]
        made = Village(site, commune, receivers, site.programme(site.approved_version(TEXT)))
        made.until_online()
        yield made
