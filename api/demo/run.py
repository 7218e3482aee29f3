"""The demo, step by step: start the system, tell the story, let it play, show what can be proved, end cleanly."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.demo import result
from api.demo.screen import Screen
from api.demo.story import Interrupted, Story, Storyteller, dispatch_text
from api.demo.world import DEMO, Login, World, make_world
from api.serve import Server
from api.voices import offers
from broadcast import consent
from broadcast.tables import Playout
from core import logs, migrations
from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import Conflict, TruyenThanhError
from core.settings import Settings
from devices.fleet import Fleet
from devices.keyring import Keyring
from devices.tables import Receiver

MARK = "truyenthanh-demo.json"  # says that a folder belongs to a demo
ONLINE_WITHIN_S = 10.0
SETTLED_WITHIN_S = 15.0  # after the planned end: the last records come in within a second, the close says the rest
BROKEN_OFF_WITHIN_S = 3.0
INTERRUPTED = 130  # as shells have it
OPEN_STATES = frozenset({"planned", "delivered", "ready", "playing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """See `truyenthanh demo --help`."""

    dispatch: Path | None
    receivers: int
    airs_in: timedelta
    voice: str
    folder: Path | None
    leave: bool
    as_json: bool


def run_demo(options: DemoOptions, *, clock: Clock | None = None) -> int:
    """Run the demo to its end; the exit status is 0 when every playout finished."""
    clock = clock or SystemClock()
    text = dispatch_text(options.dispatch)  # a bad file is told before anything is made
    settings = _settings(options, clock)
    logs.configure("error", "text")  # what the demo has to say stands on its screen
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    screen = Screen(to_stderr=options.as_json, zone=settings.zone)
    with ExitStack() as ending:
        demo = _Demo(options, settings, clock, screen, stopped, ending)
        try:
            outcome = demo.play(text)
        except Interrupted:
            screen.say("Đã ngắt trước khi lên lịch; chưa phát gì.")
            return INTERRUPTED
        except TruyenThanhError:
            # Nothing half-made stays: the folder was empty before.
            ending.close()
            shutil.rmtree(settings.data_dir)
            raise
        if not options.leave and not stopped.is_set():
            demo.invite()
            stopped.wait()
            screen.say("Đang kết thúc…")
    if options.as_json:
        json.dump(outcome, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        screen.say(f"Mọi thứ của lần trình diễn này nằm trong {settings.data_dir}")
    states = [playout["state"] for playout in outcome["playouts"]]
    if states and all(state == "finished" for state in states):
        return 0
    if demo.interrupted:
        return INTERRUPTED
    screen.say(
        "Không phải bộ thu nào cũng phát đủ; lý do đứng cạnh trạng thái. Máy quá tải thì thử lại với ít bộ thu hơn."
    )
    return 1


class _Demo:
    """What the steps share."""

    def __init__(
        self,
        options: DemoOptions,
        settings: Settings,
        clock: Clock,
        screen: Screen,
        stopped: threading.Event,
        ending: ExitStack,
    ) -> None:
        self.options, self.settings, self.clock = options, settings, clock
        self.screen, self.stopped, self.ending = screen, stopped, ending
        self.server = Server(settings, clock=clock)
        self.login: Login | None = None
        self.interrupted = False

    def play(self, text: str) -> dict[str, Any]:
        """The whole way; at Ctrl-C what is known so far is still collected."""
        world = self._start()
        story = Storyteller(self.server, world, self.screen, self.clock, self.stopped).tell(text, self.options.airs_in)
        self.screen.say(
            f"Lên lịch lúc {story.starts_at.astimezone(self.settings.zone):%H:%M:%S} "
            f"ở {len(world.communes)} xã, phường, dài {story.duration_ms / 1000:.1f} giây. "
            f"Giọng đọc: {', '.join(sorted(story.voices))}."
        )
        if fallbacks := sorted(voice for voice, fallback in story.voices.items() if fallback):
            self.screen.say(
                f"{', '.join(fallbacks)} là giọng dự phòng: bản trình diễn cho phép duyệt; "
                "một nơi thật chỉ duyệt được khi đặt TRUYENTHANH_FALLBACK_VOICES_PERMITTED=true."
            )
        self.screen.say(
            "Bản tin thông thường của tỉnh là đề nghị phát, nơi không tiếp nhận thì không phát: "
            f"{len(world.communes)} xã, phường ở đây đã tiếp nhận thường xuyên."
        )
        self.screen.say(
            "Bộ quy tắc của bản trình diễn: không có giờ yên tĩnh. Một nơi thật mặc định im từ 21:00 đến 05:00."
        )
        self._watch(story)
        if self.stopped.is_set():
            self.interrupted = True
            self._break_off(story)
        with self.server.db.reading() as session:
            outcome = result.collect(session, story, self.fleet.recordings())
            airtime = result.airtime_of(session, story.airing_id)
            names = dict(session.execute(select(Receiver.id, Receiver.name)).tuples().all())
        names |= {unit.id: unit.name for unit in world.communes}
        self.screen.playouts(outcome["playouts"], names)
        self.screen.airtime(airtime, story.starts_at.astimezone(self.settings.zone).date())
        return outcome

    def _start(self) -> World:
        db = Database(self.settings.database)
        migrations.upgrade(db)
        db.close()
        self.server.start()
        self.ending.callback(self.server.stop)
        self._agree()
        keyring = Keyring.load(self.settings.keys, ())
        with self.server.db.writing() as session:
            world = make_world(
                session,
                receivers=self.options.receivers,
                keyring=keyring,
                broker=self.server.broker,
                clock=self.clock,
            )
        self.login = world.login
        self.fleet = Fleet(world.identities, self.settings.data_dir / "receivers", clock=self.clock, output="wav")
        self.fleet.start()
        self.ending.callback(self.fleet.stop)
        self._until_online(len(world.identities))
        return world

    def _agree(self) -> None:
        """Who starts the demo is its administrator: to name a voice that sends text outside is to agree, on record."""
        with self.server.db.writing() as session:
            for offer in offers(self.settings, session):
                if offer.name == self.options.voice and offer.outside and offer.state != "not-configured":
                    consent.allow(session, offer.name, address=offer.speaks_at, actor=DEMO, clock=self.clock)
                    self.screen.say(f"Giọng {offer.name} gửi văn bản tới {offer.speaks_at}: nêu tên nó là đồng ý.")

    def _until_online(self, count: int) -> None:
        with self.screen.progress("Bộ thu kết nối", count) as done:
            deadline = self.clock.monotonic() + ONLINE_WITHIN_S
            while self.clock.monotonic() < deadline and not self.stopped.is_set():
                with self.server.db.reading() as session:
                    online = len(session.scalars(select(Receiver.id).where(Receiver.online)).all())
                done(online)
                if online >= count:
                    return
                self.stopped.wait(0.1)

    def _watch(self, story: Story) -> None:
        """Follow the airing until every playout has its state for good."""
        ends_at = story.starts_at + timedelta(milliseconds=story.duration_ms)
        began = self.clock.now()
        span_s = (ends_at - began).total_seconds()
        with self.screen.progress("Chờ và phát", span_s, counted=False) as done:
            while not self.stopped.is_set():
                now = self.clock.now()
                done((now - began).total_seconds())
                if self._settled(story) or now > ends_at + timedelta(seconds=SETTLED_WITHIN_S):
                    done(span_s)
                    return
                self.stopped.wait(0.2)

    def _break_off(self, story: Story) -> None:
        """Ctrl-C before the end: let the receivers end what sounds and report it, so that the table tells the truth."""
        self.screen.say("Bị ngắt giữa chừng. Chờ các bộ thu ghi nốt nhật ký…")
        self.fleet.stop()
        deadline = self.clock.monotonic() + BROKEN_OFF_WITHIN_S
        while not self._settled(story) and self.clock.monotonic() < deadline:
            time.sleep(0.1)

    def _settled(self, story: Story) -> bool:
        with self.server.db.reading() as session:
            states = session.scalars(select(Playout.state).where(Playout.airing_id == story.airing_id)).all()
        return len(states) == self.options.receivers and not OPEN_STATES.intersection(states)

    def invite(self) -> None:
        login = self.login
        if login is None:
            return
        self.screen.say("")
        self.screen.say(f"Trang điều hành: [link]{self.server.url}[/link]")
        self.screen.say(f"Đăng nhập: {login.username}   Mật khẩu (chỉ hiện lần này): {login.password}")
        self.screen.say("Ctrl-C để kết thúc.")


def _settings(options: DemoOptions, clock: Clock) -> Settings:
    """The embedded defaults in a folder of the demo's own, whatever the environment says of databases and brokers."""
    folder = options.folder or Path("var") / f"demo-{clock.now():%Y%m%d-%H%M%S}"
    voices_dir = Settings.load().voice_files.resolve()  # what the site has installed can speak here as well
    _claim(folder, clock.now())
    return Settings.load(
        voices_dir=voices_dir,
        data_dir=folder.resolve(),
        database_url="",
        keys_dir=None,
        broker="embedded",
        broker_host="127.0.0.1",
        broker_port=0,
        http_host="127.0.0.1",
        voices=[options.voice],
        fallback_voices_permitted=True,  # the screen says so
        quiet_hours="",  # so that the demo works at any hour; the screen says so
        site_name="Truyền Thanh – trình diễn",
    )


def _claim(folder: Path, now: datetime) -> None:
    """Take a new or empty folder for this demo; anything else is left alone."""
    if folder.exists() and not folder.is_dir():
        raise Conflict(what=f"{folder} là một tệp, hãy chọn --dir khác / {folder} is a file, choose another --dir")
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(
            what=f"{folder} đã có nội dung, hãy chọn --dir khác hoặc xóa thư mục đó"
            " / the folder is not empty, choose another --dir or remove it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(json.dumps({"made_at": now.isoformat()}) + "\n")
