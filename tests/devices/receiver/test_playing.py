"""From a signed plan to sound and signed records, with everything real but the broker's network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.clock import SystemClock, to_ms
from devices.protocol.reports import PlanAccepted, Ready
from devices.receiver.outputs import WavOutput
from tests.devices.receiver.station import RATE, Audio, Bench, airing


def test_an_airing_sounds_gapless_at_its_instant_and_is_recorded(stage: Bench, tmp_path: Path) -> None:
    station = stage.station
    audios = [Audio.of(tmp_path, 0.6, hertz=440), Audio.of(tmp_path, 0.9, hertz=880)]
    station.publish(*audios)
    identity = station.enrol()
    output = WavOutput(tmp_path / "loa.wav", SystemClock())
    agent = stage.agent(identity, output=output)
    planned = airing(stage.soon(2.5), audios, volume=50)
    plan = station.plan(identity, [planned], audios)
    station.issue(plan)

    station.wait(lambda: station.heard(PlanAccepted))
    station.wait(lambda: any(set(ready.sha256) == {a.sha256 for a in audios} for ready in station.heard(Ready)))
    station.wait(lambda: len(station.records_of(planned.airing)) == 2)
    agent.stop()

    first, second = station.records_of(planned.airing)
    assert [first.item, second.item] == [item.item for item in planned.items]
    assert [record.outcome for record in (first, second)] == ["finished", "finished"]
    assert first.planned_at == planned.starts_at
    assert second.planned_at == planned.starts_at + 600
    for record in (first, second):
        assert record.started_at is not None
        assert abs(record.started_at - record.planned_at) <= 20
        assert record.volume == 50
        assert record.plan_revision == plan.revision
        assert record.clock.source == "signed"
        assert record.output_dbfs == pytest.approx(20 * np.log10(0.5 * 0.3 / np.sqrt(2)), abs=1.0)
    assert first.played_ms == pytest.approx(600, abs=30)
    assert second.played_ms == pytest.approx(900, abs=30)
    station.check_chains()

    sound, rate = soundfile.read(output.path, dtype="float32")
    assert rate == RATE
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    # From the first loud sample to the last there is no hole: the items follow one another without a gap.
    assert np.max(np.diff(loud)) < RATE * 0.01
    assert (loud[-1] - loud[0]) / RATE == pytest.approx(1.5, abs=0.05)
    # The recording begins when the receiver did, so the place of the sound in it is its instant.
    begun_ms = to_ms(SystemClock().now()) - SystemClock().monotonic() * 1000 + output._started_ms
    assert begun_ms + loud[0] * 1000 / RATE == pytest.approx(planned.starts_at, abs=30)
    assert output.underruns == 0
