"""The table of a run, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devices.conformance.running import Check, Outcome
from devices.conformance.workbench import tally

MARKS = {"passed": "✓ đạt", "failed": "✕ không đạt", "not-run": "○ chưa thử"}


def line(outcome: Outcome) -> str:
    """One check with its evidence, as soon as it is over."""
    check = outcome.check
    return (
        f"{MARKS[outcome.mark]:<12} {check.title}\n"
        f"             {check.name} · {check.passage}: {check.says}\n"
        f"             {outcome.evidence}"
    )


def heading(check: Check) -> str:
    return f"{check.name:<42} {check.stage:<9} {check.passage}: {check.title} / {check.says}"


def summary(receiver: str, outcomes: Sequence[Outcome]) -> str:
    counts = tally(outcomes)
    return (
        f"\nBộ thu {receiver}: đạt {counts['passed']}, không đạt {counts['failed']}, chưa thử {counts['not-run']}"
        f" / passed {counts['passed']}, failed {counts['failed']}, not run {counts['not-run']}"
    )


def as_json(receiver: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "receiver": receiver,
        **tally(outcomes),
        "checks": [
            {
                "name": one.check.name,
                "passage": one.check.passage,
                "title": one.check.title,
                "says": one.check.says,
                "result": one.mark,
                "evidence": one.evidence,
            }
            for one in outcomes
        ],
    }


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """0: all passed; 1: one failed; 3: none failed, and not all could be run."""
    counts = tally(outcomes)
    return 1 if counts["failed"] else 3 if counts["not-run"] else 0
