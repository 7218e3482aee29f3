"""The database's shape: models and revisions say the same, up, down and up again; one that is behind is named."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from core import migrations
from core.database import Database
from core.errors import DatabaseNotMigrated
from migrations.tables import metadata

ROOT = Path(migrations.__file__).parent.parent


def tables(db: Database) -> set[str]:
    names = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
    return {name for name in names if not is_partition(name)}


def is_partition(name: str | None) -> bool:
    """A part of another table, made as time goes on: no model knows it."""
    return name is not None and name.startswith("play_records_")


def differences(db: Database) -> list[object]:
    with db.engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, _kind, _parents: not is_partition(name),
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def test_models_and_revisions_say_the_same(db: Database) -> None:
    assert tables(db) == set(metadata.tables)
    assert differences(db) == []


def test_up_and_down_and_up_again(empty_db: Database) -> None:
    assert migrations.current(empty_db) is None
    migrations.upgrade(empty_db)
    assert migrations.current(empty_db) == migrations.head()
    migrations.downgrade(empty_db, "base")
    assert tables(empty_db) == set()
    assert migrations.current(empty_db) is None
    migrations.upgrade(empty_db)
    assert differences(empty_db) == []
    migrations.upgrade(empty_db)  # and once more changes nothing
    migrations.check_migrated(empty_db)


def test_every_revision_can_be_stood_on(empty_db: Database) -> None:
    from alembic.script import ScriptDirectory

    revisions = [one.revision for one in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]
    for revision in reversed(revisions):
        migrations.upgrade(empty_db, revision)
        assert migrations.current(empty_db) == revision
    for revision in revisions[1:]:
        migrations.downgrade(empty_db, revision)
        assert migrations.current(empty_db) == revision


def test_one_that_is_not_migrated_is_named_with_the_command(empty_db: Database) -> None:
    with pytest.raises(DatabaseNotMigrated, match="truyenthanh db upgrade") as caught:
        migrations.check_migrated(empty_db)
    assert caught.value.facts == {"current": "∅", "wanted": migrations.head()}
    assert "truyenthanh db upgrade" in caught.value.text("vi")

    migrations.upgrade(empty_db, "0001")
    with pytest.raises(DatabaseNotMigrated, match="0001"):
        migrations.check_migrated(empty_db)


def test_one_from_a_newer_software_is_refused(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNotMigrated, match="9999"):
        migrations.check_migrated(db)


def test_a_failing_upgrade_leaves_nothing_half_made(empty_db: Database) -> None:
    with empty_db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE users (id INTEGER)"))  # stands in the way of revision 0001
    with pytest.raises(Exception, match="users"):
        migrations.upgrade(empty_db)
    assert tables(empty_db) == {"users"}
    assert migrations.current(empty_db) is None


def test_two_that_upgrade_at_once_go_one_after_the_other(empty_db: Database) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(2)

    def upgrade() -> None:
        together.wait(10)
        try:
            migrations.upgrade(empty_db)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    migrations.check_migrated(empty_db)


def test_foreign_keys_hold_again_after_an_upgrade(sqlite_db: Database) -> None:
    migrations.upgrade(sqlite_db)
    with sqlite_db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_it_works_from_a_package_elsewhere(tmp_path: Path) -> None:
    """From any folder, without the project's files around: the revisions are found beside the code."""
    program = (
        "import sys; from core.database import Database; from core import migrations;"
        "assert 'migrations.tables' not in sys.modules;"
        f"db = Database('sqlite:///{tmp_path / '100%.db'}'); migrations.upgrade(db);"
        "print(migrations.current(db)); db.close()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == migrations.head()
