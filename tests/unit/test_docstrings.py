"""What a docstring shows is what happens: every `>>>` of the source is run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import stanchion

SOURCE = Path(stanchion.__file__).parent
SHOWING = [
    path.relative_to(SOURCE)
    for path in sorted(SOURCE.rglob("*.py"))
    if not {"vendor", "template"} & set(path.parts) and ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("path", SHOWING, ids=str)
def test_what_a_docstring_shows_is_what_happens(path: Path) -> None:
    module = importlib.import_module(".".join(("stanchion", *path.with_suffix("").parts)))
    shown = (SOURCE / path).read_text("utf-8").count(">>> ")
    failed, tried = doctest.testmod(module)
    assert not failed, "see what doctest says above"
    assert tried == shown, "an example stands where nobody runs it"
