"""What a person reads of each mistake in an expression: the code, the place, the words.

`words.txt` holds the mistakes, each after a `>`, and below it what is said; a line `# …` names
who writes them. STANCHION_GOLDEN=write writes the answers anew; what changed is for a person
to review.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stanchion.expr import tree
from stanchion.expr.check import check_value
from stanchion.expr.error import ExpressionError
from stanchion.expr.parse import parse
from stanchion.schema import Collection, Field

if TYPE_CHECKING:
    from .conftest import Shop

FILE = Path(__file__).parent / "words.txt"
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"


def see(collection: Collection, field: Field) -> Any:
    return {"secret": "hidden", "team": "masked"}.get(field.name, "open")


WRITERS: dict[str, dict[str, Any]] = {
    "a filter": {"params": ()},
    "a rule": {"bare": False},
    "a rule that sees the old record": {"bare": False, "old": True},
    "a rule where nobody signs in": {"bare": False, "auth": None},
    "code that gives $count": {"params": ("count",)},
    "code that gives what it names": {},
    "a caller who sees no secret, and some teams": {"caller": True, "see": see},
    "nobody, over no collection": {"bare": False, "collection": None},
}
VALUES = {
    "a value for a whole number": tree.INT,
    "a value for a list of text": tree.Type("list", item=tree.TEXT),
    "a value for a price": tree.Type("decimal", places=2),
}


def refused(shop: Shop, writer: str, text: str) -> ExpressionError | None:
    try:
        if writer in VALUES:
            check_value(parse(text), shop.scope, VALUES[writer])
        else:
            shop.check(text, **WRITERS[writer])
    except ExpressionError as error:
        return error
    return None


def said(error: ExpressionError | None) -> list[str]:
    if error is None:
        return ["is understood"]
    first = f"{error.code} {error.start}-{error.end}: {error.detail}"
    return [first, f"hint: {error.hint}"] if error.hint else [first]


def written() -> list[tuple[str, list[str]]]:
    """Every writer with the texts of it, in the order of the file."""
    found: list[tuple[str, list[str]]] = []
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("# "):
            found.append((line[2:], []))
        elif line.startswith("> "):
            found[-1][1].append(line[2:].replace("⏎", "\n"))
    return found


def answers(shop: Shop) -> dict[str, str]:
    """What is said to each writer, as it stands in the file."""
    parts = {}
    for writer, texts in written():
        lines = [f"# {writer}"]
        for text in texts:
            lines += ["", "> " + text.replace("\n", "⏎"), *said(refused(shop, writer, text))]
        parts[writer] = "\n".join(lines)
    return parts


@pytest.mark.parametrize("writer", [*WRITERS, *VALUES])
def test_words_are_as_reviewed(shop: Shop, writer: str) -> None:
    found = answers(shop)
    if WRITE:
        FILE.write_text("\n\n\n".join(found.values()) + "\n", "utf-8")
    reviewed = dict(zip(found, FILE.read_text("utf-8").rstrip("\n").split("\n\n\n"), strict=True))
    assert found[writer] == reviewed[writer], f"{FILE.name} differs; is the change meant?"


def test_every_text_is_refused(shop: Shop) -> None:
    understood = [
        text for writer, texts in written() for text in texts if not refused(shop, writer, text)
    ]
    assert understood == []
