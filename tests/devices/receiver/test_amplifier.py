"""The amplifier's switch: on before sound, off when idle, tried again when it fails."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.clock import SystemClock, to_ms
from devices.receiver import amplifier
from devices.receiver.amplifier import IDLE_S, LEAD_MS, Amplifier, SwitchUnknown, switch_of
from devices.receiver.outputs import NullOutput
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import airing
from tests.devices.support import eventually

NEVER = float("inf")


class Told:
    """What the switch was told, by a switch that can fail."""

    def __init__(self) -> None:
        self.orders: list[bool] = []
        self.broken = False

    def __call__(self, on: bool) -> None:  # noqa: FBT001
        if self.broken:
            raise OSError("no such line")
        self.orders.append(on)


def test_it_is_on_before_the_sound_and_off_after_a_while_without() -> None:
    told = Told()
    switched = Amplifier(told)
    assert switched.lead_ms == LEAD_MS
    assert switched.tick(0.0, 60_000.0) == pytest.approx((60_000 - LEAD_MS) / 1000)
    eventually(lambda: told.orders == [False])  # whatever it was before
    switched.tick(58.5, LEAD_MS)
    eventually(lambda: told.orders == [False, True])
    assert switched.lead_ms == 0.0
    switched.tick(60.0, 0.0)
    assert switched.tick(70.0, NEVER) == IDLE_S
    switched.tick(75.0, 0.0)  # the next programme
    switched.tick(80.0, NEVER)
    switched.tick(80.0 + IDLE_S, NEVER)
    eventually(lambda: told.orders == [False, True, False])
    switched.stop()


def test_a_switch_that_fails_is_told_and_tried_again() -> None:
    told, said = Told(), list[str]()
    switched = Amplifier(told, said.append)
    told.broken = True
    switched.tick(0.0, 0.0)

    def failed() -> bool:
        switched.tick(1.0, 0.0)
        return bool(said)

    eventually(failed)
    assert "no such line" in said[0]
    told.broken = False
    switched.tick(1.0 + amplifier.RETRY_S, 0.0)
    eventually(lambda: told.orders == [True])
    switched.stop()


def test_the_agent_has_it_on_before_the_first_sample(scene: Scene, tmp_path: Path) -> None:
    times: list[tuple[bool, int]] = []
    clock = SystemClock()
    scene.run(output=NullOutput(clock), switch=lambda on: times.append((on, to_ms(clock.now()))))
    planned = airing(scene.stage.soon(4.0), [scene.short])
    scene.plan(planned)
    record = scene.records(planned)[0]
    assert record.started_at is not None
    on_at = next(at for on, at in times if on)
    assert LEAD_MS - 200 <= record.started_at - on_at <= LEAD_MS + 500
    command = scene.play_now(scene.short)  # it is still on: no waiting
    scene.command(command)
    scene.records(command)
    assert [on for on, _ in times] == [False, True]


def test_switches_write_run_and_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value, log = tmp_path / "value", tmp_path / "log"
    switch = switch_of(f"sysfs:{value}")
    switch(True)
    assert value.read_text() == "1\n"
    switch(False)
    assert value.read_text() == "0\n"
    program = tmp_path / "switch"
    program.write_text(f"#!/bin/sh\necho $1 >> {log}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    run = switch_of(f"exec:{program}")
    run(True)
    run(False)
    assert log.read_text() == "on\noff\n"
    tool = tmp_path / "gpioset"
    tool.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "gpioset (libgpiod) v2.1" && exit\n'
        f'echo "$@" > {log}\ntrap "echo off > {log}; exit" TERM\nwhile :; do sleep 0.05; done\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    hold = switch_of("gpio:gpiochip0/17")
    hold(True)
    assert log.read_text() == "--chip gpiochip0 17=1\n"
    hold(False)
    assert log.read_text() == "off\n"


@pytest.mark.parametrize("text", ["", "on", "sysfs:relative", "gpio:17", "gpio:chip/x", "exec:/no/such/program"])
def test_a_switch_that_isn_t_one_is_named(text: str) -> None:
    with pytest.raises(SwitchUnknown, match="sysfs:"):
        switch_of(text)
