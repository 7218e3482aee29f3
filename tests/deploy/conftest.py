"""One real installation for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
        until(lambda: self.site.online() >= wanted, 30, "both receivers are online")


@pytest.fixture(scope="session")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        province = site.unit("province", "Tỉnh thử")
        commune = site.unit("commune", "Xã thử", province)
        receivers = [site.receiver(commune, f"Bộ thu {number}") for number in (1, 2)]
        made = Village(site, commune, receivers, site.programme(site.approved_version(TEXT)))
        made.until_online()
        yield made
