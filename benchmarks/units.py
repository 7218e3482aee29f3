"""How long a province's tree of 5,000 units takes to be asked for, on SQLite and PostgreSQL.

`python -m benchmarks.units [URL]`: the median of 50 of `below`, `above` and `followed`, in milliseconds. Without a URL
on a SQLite file of its own; with one on that database, which must be empty.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from core import migrations, units
from core.database import Database
from core.units import UnitKind, UnitName
from core.units.tables import ALWAYS, FOREVER, Unit, UnitLink

ON = date(2026, 7, 28)
COMMUNES, VILLAGES, ROUNDS = 100, 49, 50


def fill(db: Database) -> tuple[str, str]:
    """A province of 100 communes with 49 villages each; (province, a village)."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh")

        def add(kind: UnitKind, name: str, parent: str) -> str:
            unit = Unit(kind=kind, name=name)
            session.add(unit)
            session.flush()
            dates = {"valid_from": ALWAYS, "valid_to": FOREVER}
            session.add(UnitLink(unit_id=unit.id, parent_id=parent, relation="below", **dates))
            session.add(UnitName(unit_id=unit.id, name=name, **dates))
            return unit.id

        village = ""
        for number in range(COMMUNES):
            commune = add("commune", f"Xã {number}", province.id)
            for other in range(VILLAGES):
                village = add("village", f"Thôn {number}.{other}", commune)
        return province.id, village


def median_ms(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        do()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = Database(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(folder) / 'units.db'}")
        try:
            migrations.upgrade(db)
            province, village = fill(db)
            with db.reading() as session:
                found = len(units.below(session, [province], on=ON))
                below = median_ms(lambda: units.below(session, [province], on=ON))
                above = median_ms(lambda: units.above(session, village, on=ON))
                followed = median_ms(lambda: units.followed(session, [village], on=ON))
        finally:
            db.close()
    assert found == 1 + COMMUNES * (1 + VILLAGES)
    print(f"{found} units: below {below:.1f} ms, above {above:.2f} ms, followed {followed:.2f} ms")


if __name__ == "__main__":
    main()
