"""The page in a real browser: live, whole without scripts, legible in light and dark."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.pages.templating import STATIC
from core.clock import ManualClock
from core.events import SYSTEM, record
from tests.api.browsing import log_in
from tests.api.scene import Scene, add_airing, add_leader, add_playout, set_state
from tests.api.site import Site

pytestmark = pytest.mark.service("chromium")


@pytest.fixture
def airing(site: Site, scene: Scene, clock: ManualClock) -> str:
    """On air in one commune, on two receivers that are ready."""
    with site.db.writing() as session:
        add_leader(session, expires_at=time.time() + 3600)
        commune = scene.communes[0]
        on_air = add_airing(session, scene, clock, "Bản tin", clock.now() - timedelta(minutes=1), unit_ids=[commune])
        for box in scene.receivers[commune]:
            add_playout(session, on_air, box, "ready", clock)
        return on_air.id


def test_a_change_of_state_comes_to_the_screen_by_itself(
    page: Page, site: Site, scene: Scene, clock: ManualClock, airing: str
) -> None:
    box = scene.receivers[scene.communes[0]][0]
    log_in(page)
    expect(page.locator(".link.on")).to_be_visible()
    states = page.locator(f"[data-key='cell-{airing}'] .states")
    expect(states).to_have_text(re.compile(r"2\s*sẵn sàng"))
    for state, word in (("playing", "đang phát"), ("finished", "phát đủ")):
        set_state(site.db, airing, box, state, clock)
        states.get_by_text(word).wait_for(timeout=5_000)  # without being told it looks again after 20 s
        clock.advance(timedelta(seconds=1))


def test_stopping_by_hand(page: Page, site: Site, airing: str) -> None:
    log_in(page)
    page.get_by_role("button", name="Dừng phát").click()
    expect(page.get_by_text("Dừng ở 1 xã, 2 bộ thu.")).to_be_visible()
    page.get_by_role("button", name="Dừng phát ở 2 bộ thu").click()
    expect(page.get_by_text("Đã ra lệnh dừng lúc")).to_be_visible()
    expect(page.get_by_role("button", name="Dừng phát")).to_have_count(0)


def test_nothing_moves_under_a_finger_about_to_press(
    page: Page, site: Site, scene: Scene, clock: ManualClock, airing: str
) -> None:
    log_in(page)
    expect(page.locator(".link.on")).to_be_visible()
    button = page.get_by_role("button", name="Dừng phát")
    button.hover()
    before = button.bounding_box()
    box = scene.receivers[scene.communes[0]][0]
    set_state(site.db, airing, box, "missed", clock)  # brings a matter above the button
    with page.expect_response("**/hom-nay*"):
        pass
    page.wait_for_timeout(300)  # a frame or two in which it would have moved
    assert button.bounding_box() == before
    page.mouse.move(0, 0)
    expect(page.get_by_role("heading", name="Việc cần xem")).to_be_visible()


def test_a_lost_server_is_said_and_found_again(page: Page, site: Site, airing: str) -> None:
    log_in(page)
    expect(page.locator(".link.on")).to_be_visible()
    live = page.locator("#truc-tiep")
    page.route("**/hom-nay*", lambda route: route.abort())
    with site.db.writing() as session:
        record(session, "user:unit:renamed", actor=SYSTEM, at=site.context.clock.now(), subject=("unit", "x"))
    expect(live).to_contain_text("Mất kết nối với máy chủ")
    page.unroute("**/hom-nay*")
    with site.db.writing() as session:
        record(session, "user:unit:renamed", actor=SYSTEM, at=site.context.clock.now(), subject=("unit", "x"))
    expect(live).to_contain_text("Trực tiếp")


def test_whole_without_scripts(browser: Browser, site: Site, airing: str) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    log_in(page)
    refresh = page.locator("meta[http-equiv=refresh]")
    expect(refresh).to_have_attribute("content", "20")
    expect(page.get_by_text("Tải lại")).to_be_visible()
    page.get_by_role("button", name="Dừng phát").click()
    page.get_by_role("button", name="Dừng phát ở 2 bộ thu").click()
    expect(page.get_by_text("Đã ra lệnh dừng lúc")).to_be_visible()
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập")
    context.close()


def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, site: Site, airing: str) -> None:
    context: BrowserContext = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    log_in(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button = page.get_by_role("button", name="Dừng phát")
    box = button.bounding_box()
    assert box
    assert box["height"] >= 44
    context.close()


def test_the_weeks_sheet_prints_as_a_table_on_one_page(page: Page, scene: Scene, airing: str) -> None:
    log_in(page)
    page.goto(f"/tuan/{scene.communes[0]}")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 within its margins
    page.emulate_media(media="print")
    expect(page.locator(".week .time").first).to_have_css("display", "table-cell")
    expect(page.get_by_text("In lúc")).to_be_visible()
    expect(page.locator("header.bar")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert b"/Count 1" in page.pdf(prefer_css_page_size=True)


# --- contrast --------------------------------------------------------------------------------------


def _palettes() -> list[dict[str, str]]:
    css = STATIC["console.css"].content.decode()
    blocks = re.findall(r":root \{([^}]*)\}", css)[:2]
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block)) for block in blocks)
    return [light, light | dark]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_has_contrast(scheme: int) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 : 1, for each colour on each ground that it stands on."""
    palette = _palettes()[scheme]
    states = ["planned", "delivered", "ready", "playing", "finished", "partial", "missed", "refused"]
    states += ["unconfirmed", "cancelled", "ink", "soft", "accent"]
    grounds = {"paper": states, "sheet": ["ink", "soft", "accent"], "on-air-back": states}
    grounds |= {"wrong-back": ["ink", "missed"], "watch-back": ["ink", "partial"]}
    pairs = [(fore, ground) for ground, fores in grounds.items() for fore in fores]
    pairs += [("on-accent", "accent"), ("on-stop", "stop")]
    for fore, ground in pairs:
        assert _contrast(palette[fore], palette[ground]) >= 4.5, f"{fore} on {ground}"
