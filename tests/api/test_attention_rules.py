"""What plans leave out for a rule stands among what needs a hand."""

from __future__ import annotations

from datetime import timedelta

from broadcast.rule_checks import AGAINST
from core.clock import ManualClock
from tests.api.scene import Scene, add_airing, add_playout
from tests.api.site import Site


def test_an_airing_that_breaks_a_rule_is_told_with_why(site: Site, scene: Scene, clock: ManualClock) -> None:
    why = "“Bản tin” lúc 20:30 rơi vào giờ yên tĩnh 15 phút"
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, "Bản tin tối", clock.now() + timedelta(hours=4))
        for receiver in scene.receivers[scene.communes[0]]:
            add_playout(session, airing, receiver, "planned", clock).note = AGAINST + why
    page = site.as_("operator").get("/").text
    assert "12:00 Bản tin tối: không phát ở 2 bộ thu vì trái quy định" in page
    assert why in page
