"""The player: takes the airings of the plan in force, and what commands ask for, through to their records.

Nothing here waits. `tick` does what is due and says when it wants to be called again; `happened` is told what the
mixer saw, at the time it sounded. Each airing goes this way:

1. A few seconds before its start it is *armed*: the rules are asked, its audio is decoded ahead, and it is placed at
   its exact instant. What lacks audio is armed at the last call without it.
2. What is stronger cuts what is weaker, at the stronger one's start. A cut airing is *suspended* where it says
   `resume`, else it is over. Equals don't cut each other: the later one waits a moment, or is missed as `busy`.
3. Each item that has ended gets its record; when the airing is over, so does every other item of it.

The rules are asked again at each tick while it sounds, so a new plan, a mute or a lower volume works at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from devices.protocol.plan import Plan, PlanAiring
from devices.receiver.cache import Cache
from devices.receiver.clock import SignedClock
from devices.receiver.decisions import Rules, judge, source_of, volume_of
from devices.receiver.hearing import Ear
from devices.receiver.jobs import Job, Key, Slot, blocker, cut_by
from devices.receiver.ledger import Ledger
from devices.receiver.mixer import Event, Mixer, Performance
from devices.receiver.settings import AgentSettings
from devices.receiver.staging import reel_for, why_silent

log = logging.getLogger(__name__)

NEVER = float("inf")
SOON_MS = 100.0  # room for a placement to reach the mixer before its block is asked for
PRIMING_MS = 50.0
PROGRESS_MS = 1_000.0
RESUME_CLEAR_MS = 3_000  # nothing resumes when something stronger starts sooner than this


class Player:
    """Used by the working thread only. Times are Unix milliseconds by the receiver's clock."""

    def __init__(
        self,
        *,
        clock: SignedClock,
        mixer: Mixer,
        cache: Cache,
        ledger: Ledger,
        settings: AgentSettings,
        tell: Callable[[Event], None],
        damaged: Callable[[str], None],
        ahead_ms: Callable[[], float],
        lead_ms: Callable[[], float] = lambda: 0.0,
        ear: Ear | None = None,
    ) -> None:
        self._clock = clock
        self._mixer = mixer
        self._cache = cache
        self._ledger = ledger
        self._settings = settings
        self._tell = tell
        self._damaged = damaged
        self._ahead_ms, self._lead_ms = ahead_ms, lead_ms
        self._ear = ear
        self._plan: Plan | None = None
        self._pending: list[PlanAiring] = []
        self._jobs: dict[Key, Job] = {}
        self._progress_due = 0.0
        self.muted_until = 0
        self.volume: int | None = None
        self.silenced = ""
        self.why_late: Callable[[PlanAiring, int], str] = lambda _airing, _start: "late"

    # What the agent tells.

    def rules(self, now_ms: float) -> Rules:
        """What holds now."""
        return Rules(self._plan, self._ledger.day_played_ms(now_ms), self.muted_until, self.volume, self.silenced)

    def plan_changed(self, plan: Plan | None) -> None:
        """Another plan is in force: what it no longer names ends, what is on air and still in it goes on."""
        self._plan = plan
        named = {airing.airing: airing for airing in plan.airings} if plan else {}
        for job in list(self._jobs.values()):
            if job.command is not None:
                continue
            airing = named.get(job.airing.airing)
            if not job.begun and airing != job.airing:
                self._discard(job)  # looked at anew below
            elif not job.begun and plan is not None:
                job.revision = plan.revision
            elif airing is None:
                self._end(job, "cancelled")
            else:
                job.airing = airing
        self._pending = sorted(
            (a for a in named.values() if (a.airing, "") not in self._jobs and self._ledger.open_items(a)),
            key=lambda airing: airing.starts_at,
        )

    def add(self, job: Job) -> None:
        """What a command asks for; it begins when its audio is there and nothing at least as strong sounds."""
        self._jobs[job.key] = job

    def refuse(self, job: Job, reason: str) -> None:
        """What a command asked for isn't played: each of its items gets its record."""
        self._finish(job, reason)

    def stop(self, reason: str, *, airing: str | None = None, command: str | None = None) -> int:
        """End what is named, or what sounds (or was interrupted) where nothing is named; how many there were."""
        found = 0
        for job in list(self._jobs.values()):
            named = airing == job.airing.airing or (command is not None and command == job.command)
            if named if airing or command else (job.begun or job.suspended):
                found += 1
                self._end(job, reason)
        return found

    @property
    def sounding(self) -> Job | None:
        """The strongest of what sounds."""
        running = [job for job in self._jobs.values() if job.begun and job.placed]
        return max(running, key=lambda job: job.rank, default=None)

    def free(self, from_ms: float, until_ms: float) -> bool:
        """Does nothing sound in this span, nor is about to?"""
        placed = [(job.placed_ms, job.expected_end_ms) for job in self._jobs.values() if job.placed]
        return not any(begins is not None and begins < until_ms and from_ms < ends for begins, ends in placed)

    @property
    def idle(self) -> bool:
        return not any(job.placed for job in self._jobs.values())

    def next_sound_ms(self, now_ms: float) -> float:
        """In how many milliseconds something will sound; 0: it does; infinite: nothing is settled."""
        placed = [job.placed_ms - now_ms for job in self._jobs.values() if job.placed and job.placed_ms is not None]
        return max(0.0, min(placed, default=NEVER))

    def wanted(self) -> list[Job]:
        """Jobs of commands that wait for their audio."""
        return [job for job in self._jobs.values() if job.command is not None and job.performance is None]

    def close(self) -> None:
        """The agent ends: what is still open gets its record now."""
        for job in list(self._jobs.values()):
            if job.begun or job.command is not None:
                self._finish(job, job.ending or "shutdown")
            else:
                self._discard(job)

    # The passage of time.

    def tick(self, now_ms: float) -> float:
        """Do what is due; in how many milliseconds to be called again."""
        wake = NEVER
        while self._pending and self._pending[0].starts_at + self._stagger() - self._settings.prepare_ms <= now_ms:
            airing = self._pending.pop(0)
            self._jobs[airing.airing, ""] = Job(airing, self._revision(), airing.starts_at + self._stagger())
        if self._pending:
            wake = self._pending[0].starts_at + self._stagger() - self._settings.prepare_ms - now_ms
        for job in sorted(self._jobs.values(), key=lambda job: (-job.rank, job.start_ms)):
            if job.ended or job.key not in self._jobs:
                continue
            if not job.placed:
                wake = min(wake, self._advance(job, now_ms))
            if job.placed and job.stalled(now_ms, self._clock.mono_of(now_ms)):
                self._finish(job, "output-lost")
            elif job.placed:
                self._adjust(job, now_ms)
        if now_ms >= self._progress_due and not self.idle:
            self._progress_due = now_ms + PROGRESS_MS
            self._save_progress(now_ms)
            if self._ear is not None:
                self._ear.listen(self._clock.mono_ms())
        # Whatever changes sooner comes as a message, and a tick with it.
        return wake if self.idle else min(wake, max(1.0, self._progress_due - now_ms))

    def _soon_ms(self) -> float:
        """How long a placement takes at least: to be seen by the mixer, and for the amplifier to be on."""
        return max(self._ahead_ms() + SOON_MS, self._lead_ms())

    def _advance(self, job: Job, now_ms: float) -> float:
        """Take a job that isn't placed a step further; in how many milliseconds to look again."""
        if self._ledger.stopped(job.airing.airing, job.command):
            return self._finish(job, "stopped")
        if job.suspended:
            return self._resume(job, now_ms)
        if job.command is not None:
            return self._begin_command(job, now_ms)
        if now_ms > min(job.start_ms + self._settings.grace_ms, job.airing.ends_at):
            return self._finish(job, self.why_late(job.airing, job.start_ms))
        return self._arm(job, now_ms)

    def _arm(self, job: Job, now_ms: float) -> float:
        rules = self.rules(now_ms)
        verdict = judge(job.airing, rules, job.start_ms)
        to_start = max(0.0, job.start_ms - now_ms)
        started = now_ms >= job.start_ms
        if verdict.refused:
            return self._finish(job, verdict.refused) if started else to_start
        sources = [source_of(slot.item) for slot in job.slots]
        present = [sha256 for sha256 in sources if sha256 and self._cache.has(sha256)]
        if len(present) < len(sources) and to_start > self._settings.last_call_ms:
            return to_start - self._settings.last_call_ms
        if not present:
            return self._finish(job, why_silent(job)) if started else to_start
        other = blocker(self._jobs.values(), job, job.start_ms)
        at_ms = job.start_ms
        if other is not None:
            if other.expected_end_ms > job.start_ms + self._settings.grace_ms:
                return self._blocked(job, other) if started else to_start
            at_ms = max(at_ms, other.expected_end_ms)
        job.verdict, job.day_played_ms = verdict, rules.day_played_ms
        self._prepare(job)
        self._place(job, at_ms)
        return NEVER

    def _begin_command(self, job: Job, now_ms: float) -> float:
        rules = self.rules(now_ms)
        verdict = judge(job.airing, rules, int(now_ms), by_command=True)
        if verdict.refused:
            return self._finish(job, verdict.refused)
        if job.deadline_ms is not None and now_ms >= job.deadline_ms:
            return self._finish(job, "no-audio" if job.performance is None else "busy")
        to_deadline = (job.deadline_ms or now_ms + 1_000) - now_ms
        if job.performance is None:
            if job.recorded and not self._cache.complete(s for slot in job.slots if (s := source_of(slot.item))):
                return to_deadline
            self._prepare(job)
        if job.performance is not None and not job.performance.reel.primed:
            return PRIMING_MS
        at_ms = now_ms + self._soon_ms()
        if any(other.placed and other.rank < job.rank for other in self._jobs.values()):
            at_ms += self._settings.fade_ms
        other = blocker(self._jobs.values(), job, int(at_ms))
        if other is not None:
            return min(to_deadline, 200.0)
        job.verdict, job.day_played_ms = verdict, rules.day_played_ms
        self._place(job, int(at_ms))
        return NEVER

    def _resume(self, job: Job, now_ms: float) -> float:
        at_ms = int(now_ms + self._soon_ms())
        rules = self.rules(now_ms)
        verdict = judge(job.airing, rules, at_ms, by_command=job.command is not None)
        if verdict.refused:
            return self._finish(job, "preempted" if verdict.refused == "hard-end" else verdict.refused)
        if blocker(self._jobs.values(), job, at_ms, at_ms + RESUME_CLEAR_MS) is not None:
            return 200.0
        job.verdict, job.day_played_ms = verdict, rules.day_played_ms
        if job.performance is None:
            self._prepare(job)
        self._place(job, at_ms)
        return NEVER

    def _blocked(self, job: Job, other: Job) -> float:
        if other.rank > job.rank and job.airing.preempted == "resume":
            job.suspended = True
            return 200.0
        return self._finish(job, "preempted" if other.rank > job.rank else "busy")

    def _prepare(self, job: Job) -> None:
        """Begin to decode."""
        reel = reel_for(job, self._cache, self._damaged)
        job.performance = Performance(reel, self._tell, fade_ms=self._settings.fade_ms)
        reel.start()

    def _place(self, job: Job, at_ms: int) -> None:
        performance = job.performance
        if performance is None or job.verdict is None:
            return
        job.place(at_ms)
        for other in list(self._jobs.values()):
            # An equal or weaker one that was placed inside this one's time, and hasn't begun, is looked at again.
            inside = other.placed_ms is not None and at_ms <= other.placed_ms < job.expected_end_ms
            if other is not job and other.placed and not other.begun and other.rank <= job.rank and inside:
                self._withdraw(other)
        performance.gain = volume_of(job.airing, self.rules(at_ms), at_ms) / 100.0
        cut = (self._clock.mono_of(job.verdict.cut_ms), job.verdict.cut_reason)
        performance.place(self._clock.mono_of(at_ms), cut)
        self._mixer.add(performance)

    def _withdraw(self, job: Job) -> None:
        """Take back a placement; the job is looked at again at the next tick."""
        if job.performance is not None:
            self._mixer.remove(job.performance)
            job.performance.reel.close()
            job.performance = None
        job.placed_ms, job.verdict = None, None

    def _adjust(self, job: Job, now_ms: float) -> None:
        """The rules, what is stronger, the volume and the clock, as they are now."""
        performance = job.performance
        if performance is None or job.placed_ms is None or job.verdict is None or job.ending:
            return
        rules = replace(self.rules(now_ms), day_played_ms=job.day_played_ms)
        verdict = judge(job.airing, rules, job.verdict.start_ms, by_command=job.command is not None)
        cut_ms, reason = (int(now_ms), verdict.refused) if verdict.refused else (verdict.cut_ms, verdict.cut_reason)
        stronger_ms = cut_by(self._jobs.values(), job, cut_ms)
        if stronger_ms is not None:
            cut_ms, reason = stronger_ms, "preempted"
        job.verdict = replace(verdict, cut_ms=cut_ms, refused="")
        performance.cut = (self._clock.mono_of(cut_ms), reason)
        performance.gain = volume_of(job.airing, rules, int(now_ms)) / 100.0
        if not performance.begun:
            performance.start_ms = self._clock.mono_of(job.placed_ms)

    # What the mixer saw.

    def happened(self, event: Event) -> None:
        """Something sounds, or has ceased to."""
        job = next((held for held in self._jobs.values() if held.performance is event.performance), None)
        if job is None:
            return
        at_ms = round(self._clock.unix_ms(event.mono_ms))
        if event.kind == "item-started":
            slot = job.slots[event.index]
            slot.started_at, slot.ended_at = at_ms, at_ms
            slot.volume = round(event.performance.gain * 100)
            slot.clock = self._clock.facts()
            self._progress_due = 0.0
        elif event.kind == "item-ended":
            slot = job.slots[event.index]
            self._seen(slot, event, at_ms)
            broken = event.reason or event.performance.reel.broken.get(event.index, "damaged-audio")
            self._record(job, slot, "" if event.whole else broken, whole=event.whole)
        else:
            self._ended(job, event, at_ms)

    def _ended(self, job: Job, event: Event, at_ms: int) -> None:
        self._mixer.remove(event.performance)
        if not event.whole and event.index >= 0 and event.index not in event.performance.reel.failed:
            slot = job.slots[event.index]
            self._seen(slot, event, at_ms)
            slot.sound_frames = event.performance.reel.lengths.get(event.index)
        if event.reason == "preempted" and not job.ending and job.airing.preempted == "resume":
            job.suspended = True
            self._ledger.save_progress([(job, slot) for slot in job.slots if slot.open])
            return
        self._finish(job, "no-audio" if event.whole else job.ending or event.reason)

    def _seen(self, slot: Slot, event: Event, at_ms: int) -> None:
        slot.ended_at, slot.frames, slot.dbfs = at_ms, event.frames, event.dbfs
        if self._ear is not None and slot.started_at is not None:
            slot.heard = self._ear.heard(self._clock.mono_of(slot.started_at), event.mono_ms)

    def _save_progress(self, now_ms: float) -> None:
        rows = []
        for job in self._jobs.values():
            performance = job.performance
            if performance is None or not job.recorded or not performance.running:
                continue
            # What was rendered but has not reached the loudspeaker yet hasn't been played.
            unheard_ms = max(0.0, performance.head_ms - self._clock.mono_of(now_ms))
            for index, slot in enumerate(job.slots):
                if slot.open and slot.started_at is not None and index == performance.index:
                    slot.frames = max(slot.frames, performance.level.frames - int(unheard_ms * 48))
                    slot.ended_at = max(slot.started_at, int(min(now_ms, self._clock.unix_ms(performance.last_ms))))
                    slot.dbfs = performance.level.dbfs
                    rows.append((job, slot))
        if rows:
            self._ledger.save_progress(rows)

    # Ends.

    def _end(self, job: Job, reason: str) -> None:
        """Fade out what sounds; what doesn't is over at once."""
        if job.begun and job.placed and job.performance is not None:
            job.ending = job.ending or reason
            job.performance.stop(self._clock.mono_ms(), reason)
        else:
            self._finish(job, reason)

    def _finish(self, job: Job, reason: str) -> float:
        """Every item that has no record yet gets it; there is nothing to look at again."""
        performance = job.performance
        failed = performance.reel.failed if performance is not None else {}
        for index, slot in enumerate(job.slots):
            if not slot.closed:
                missing = failed.get(index) if slot.frames == 0 else None
                self._record(job, slot, missing or reason)
        self._discard(job)
        job.ended = True
        return NEVER

    def _discard(self, job: Job) -> None:
        if job.performance is not None:
            self._mixer.remove(job.performance)
            job.performance.reel.close()
        self._jobs.pop(job.key, None)

    def _record(self, job: Job, slot: Slot, reason: str, *, whole: bool = False) -> None:
        slot.closed = True
        if job.recorded:
            self._ledger.record(job, slot, reason, whole=whole)

    def _stagger(self) -> int:
        return self._plan.stagger_ms if self._plan else 0

    def _revision(self) -> int:
        return self._plan.revision if self._plan else 0
