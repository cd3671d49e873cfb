"""`stanchion access --diff` on PostgreSQL: the record that shows a change comes from there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import change
from tests.cli.processes import run
from tests.cli.test_access import APP, COOK, OPENED, ORDER, fill


def test_a_change_is_shown_by_a_record_of_postgresql(tmp_path: Path, database: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    fill(tmp_path, STANCHION_DATABASE_URL=database)
    assert run("access", "--write", "access.json", cwd=tmp_path).returncode == 0
    change(tmp_path / "app.py", 'read=owner("customer"),', f"{OPENED},")
    arguments = ("access", "--diff", "access.json", "--json")
    done = run(*arguments, cwd=tmp_path, STANCHION_DATABASE_URL=database)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["changes"]
    assert (found["caller"], found["way"]) == ("role=cook", "wider")
    assert (found["sample"]["key"], found["sample"]["user"]) == (ORDER, COOK)
    assert found["sample"]["shown"]["state"] == '"new"'
    assert "note" not in found["sample"]["shown"]
