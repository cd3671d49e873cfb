"""What several processes count, they count as one (TRUST D11); on each engine."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.engines import url
from tests.limits_together import CLIENTS, MAY, PROCESSES, TRIES, passed_together


def test_of_twenty_clients_of_four_processes_exactly_as_many_pass_as_may(tmp_path: Path) -> None:
    database = url(tmp_path / "limits.db")
    assert passed_together(STANCHION_DATABASE_URL=database) == [MAY, 0]


def test_processes_that_count_alone_are_found(tmp_path: Path) -> None:
    database = url(tmp_path / "limits.db")
    passed, _ = passed_together("alone", STANCHION_DATABASE_URL=database)
    assert passed == PROCESSES * CLIENTS * TRIES > MAY
