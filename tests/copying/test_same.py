"""Two servers that the end of an address tells apart are not the same database."""

from __future__ import annotations

from click.testing import CliRunner

from stanchion.cli import stanchion


def test_servers_of_one_name_are_told_apart_by_the_rest_of_their_addresses() -> None:
    def at(port: int) -> str:
        return f"postgresql://shop@/shop?host=127.0.0.1&port={port}"

    def said(source: int, target: int) -> str:
        return str(CliRunner().invoke(stanchion, ["copy", at(source), at(target)]).exception)

    assert "error[copy.same]" in said(1, 1)
    other = said(1, 2)
    assert "error[copy.same]" not in other
    assert "error[database.refused]" in other
