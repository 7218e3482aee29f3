"""Simulated receivers: all of them play, their recordings hold it, a pulled plug is seen, the end is clean."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.clock import SystemClock
from core.errors import NotFound
from devices.fleet import Fleet
from devices.protocol.reports import Ready
from devices.receiver.identity import will
from tests.devices.receiver.station import QUICK, Audio, Bench, airing, bench


def fleet_of(stage: Bench, count: int, folder: Path) -> Fleet:
    return Fleet(
        [stage.station.enrol() for _ in range(count)],
        folder,
        clock=SystemClock(),
        link_factory=lambda identity: stage.broker.link(identity.receiver, will=will(identity), clean=True),
        settings=QUICK,
    )


def test_every_receiver_plays_and_is_recorded(tmp_path: Path) -> None:
    with bench(tmp_path) as stage:
        before = threading.active_count()
        fleet = fleet_of(stage, 6, tmp_path / "fleet")
        fleet.start()
        audio = Audio.of(tmp_path, 0.7)
        stage.station.publish(audio)
        planned = airing(stage.soon(3.0), [audio])
        for identity in list(stage.station.identities.values()):
            stage.station.issue(stage.station.plan(identity, [planned], [audio]))
        stage.station.wait(
            lambda: len({who for who, report in stage.station.reports if isinstance(report, Ready)}) == 6
        )
        stage.station.wait(lambda: len(stage.station.records_of(planned.airing)) == 6)
        recordings = fleet.recordings()
        fleet.stop()
        for record in stage.station.records_of(planned.airing):
            assert record.outcome == "finished"
            assert record.started_at is not None
            assert abs(record.started_at - record.planned_at) <= 20
        assert set(recordings) == set(stage.station.identities)
        for path in recordings.values():
            sound, _ = soundfile.read(path, dtype="float32")
            assert np.count_nonzero(np.abs(sound) > 0.01) / 48_000 == pytest.approx(0.7, abs=0.05)
        assert threading.active_count() == before


def test_a_restarted_receiver_goes_on_in_a_recording_of_its_own(tmp_path: Path) -> None:
    with bench(tmp_path) as stage:
        fleet = fleet_of(stage, 2, tmp_path / "fleet")
        fleet.start()
        first, second = stage.station.identities
        stage.station.wait(lambda: {who for who, _ in stage.station.hellos} == {first, second})
        boots = {hello.boot for who, hello in stage.station.hellos if who == first}
        fleet.restart(first)
        stage.station.wait(
            lambda: len({hello.boot for who, hello in stage.station.hellos if who == first}) == len(boots) + 1
        )
        assert len(fleet.recordings_of(first)) == 2
        assert len(fleet.recordings_of(second)) == 1
        with pytest.raises(NotFound):
            fleet.restart("nobody")
        fleet.stop()
        assert fleet.agents == {}
