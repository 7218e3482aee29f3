"""Checks run side by side on one thread.

A check is a generator that yields an `Until` (what it waits for, and how long) and returns its evidence. It fails by
raising `Fault`, and raises `NotRun` where this receiver or this run can't show it. Four stages follow one another:

| stage | |
|---|---|
| opening | one by one; an *essential* check that fails ends the run, because nothing after it could be judged |
| together | all at once |
| alone | one by one: what would disturb the others, such as a power cut |
| closing | one by one, over all that was heard |

What waits with `at_the_end` goes on when the stage `alone` is over.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from devices.conformance.kit import Kit

LOOK_S = 0.05
STAGES: Final = ("opening", "together", "alone", "closing")

Stage = Literal["opening", "together", "alone", "closing"]
Mark = Literal["passed", "failed", "not-run"]


class Fault(Exception):
    """The receiver doesn't keep the contract here; the text says what was seen."""


class NotRun(Exception):
    """It couldn't be shown; the text says why."""


@dataclass(frozen=True, slots=True)
class Until:
    """Wait for a condition to give something true, which the check then gets; else it fails with `what`."""

    condition: Callable[[], Any]
    seconds: float
    what: str


class AtTheEnd(Until):
    """Wait until every other check is over."""


Steps = Generator[Until, Any, str]


@dataclass(frozen=True)
class Check:
    """`title` is Vietnamese; the docstring's first line says the same in English and names the passage."""

    name: str
    title: str
    passage: str
    says: str
    steps: Callable[[Kit], Steps]
    stage: Stage
    essential: bool


CHECKS: dict[str, Check] = {}


def check(
    title: str, *, stage: Stage = "together", essential: bool = False
) -> Callable[[Callable[[Kit], Steps]], Callable[[Kit], Steps]]:
    """Take a check into the list, in the order in which they stand in the files. Its name is the function's."""

    def taken(steps: Callable[[Kit], Steps]) -> Callable[[Kit], Steps]:
        name = steps.__name__.replace("_", "-")
        passage, _, says = (steps.__doc__ or "").strip().splitlines()[0].partition(": ")
        CHECKS[name] = Check(name, title, passage, says, steps, stage, essential)
        return steps

    return taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a check."""

    check: Check
    mark: Mark
    evidence: str


@dataclass(slots=True)
class _Running:
    check: Check
    steps: Steps
    waits_for: Until | None = None
    deadline: float = 0.0


@dataclass
class Runner:
    """Steps the checks as messages come in. `pulse` is called at each turn: the plan is issued where it changed."""

    kit: Kit
    pulse: Callable[[], None]
    told: Callable[[Outcome], None]
    outcomes: list[Outcome] = field(default_factory=list)
    _late: list[_Running] = field(default_factory=list)

    def run(self, checks: Iterable[Check]) -> list[Outcome]:
        """All of them, by stages."""
        chosen = list(checks)
        for stage in STAGES:
            here = [one for one in chosen if one.stage == stage]
            if stage == "closing":
                self._together([], resumed=self._late)
            if stage == "together":
                self._together(here)
            else:
                for one in here:
                    self._together([one])
            missing = next((one for one in self.outcomes if one.mark == "failed" and one.check.essential), None)
            if missing is not None:
                self._give_up(chosen, missing)
                break
        return self.outcomes

    def _give_up(self, chosen: list[Check], missing: Outcome) -> None:
        over = {one.check.name for one in self.outcomes}
        for one in chosen:
            if one.name not in over:
                self._over(one, "not-run", f"because {missing.check.name} failed")

    def _together(self, checks: list[Check], resumed: Iterable[_Running] = ()) -> None:
        running = [_Running(one, one.steps(self.kit)) for one in checks]
        running = [one for one in running if self._step(one, None)] + [
            one for one in resumed if self._step(one, send=True)
        ]
        while running:
            late = [one for one in running if isinstance(one.waits_for, AtTheEnd)]
            self._late.extend(late)
            running = [one for one in running if one not in late]
            self.pulse()
            self._hear()
            running = [one for one in running if self._look(one)]

    def _hear(self) -> None:
        """Take in what has come; wait a moment where nothing has."""
        arrived = self.kit.desk.arrived
        wait_s: float = LOOK_S
        while True:
            try:
                self.kit.journal.take(arrived.get(timeout=wait_s))
            except queue.Empty:
                return
            wait_s = 0.0

    def _look(self, one: _Running) -> bool:
        """Take a check further where it can go on; whether it is still running."""
        wanted = one.waits_for
        if wanted is None:
            return False
        value = wanted.condition()
        if value:
            return self._step(one, value)
        if time.monotonic() < one.deadline:
            return True
        return self._step(one, Fault(f"{wanted.what} did not come within {wanted.seconds:.0f} s"))

    def _step(self, one: _Running, send: Any) -> bool:
        try:
            one.waits_for = one.steps.throw(send) if isinstance(send, Fault) else one.steps.send(send)
        except StopIteration as done:
            self._over(one.check, "passed", str(done.value))
        except Fault as fault:
            self._over(one.check, "failed", str(fault))
        except NotRun as why:
            self._over(one.check, "not-run", str(why))
        else:
            one.deadline = time.monotonic() + one.waits_for.seconds
            return True
        return False

    def _over(self, one: Check, mark: Mark, evidence: str) -> None:
        outcome = Outcome(one, mark, evidence)
        self.outcomes.append(outcome)
        self.told(outcome)
