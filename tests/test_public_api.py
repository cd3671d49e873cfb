"""What users import, and how small `App` stays."""

from __future__ import annotations

import inspect

from fastapi import FastAPI

import stanchion
from stanchion import App


def test_every_public_name_loads() -> None:
    for name in stanchion.__all__:
        assert getattr(stanchion, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(stanchion, "Nothing")


def test_app_adds_at_most_a_dozen_public_methods() -> None:
    ours = [kind for kind in App.__mro__ if kind.__module__.startswith("stanchion.")]
    own = {
        name
        for kind in ours
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_") and not hasattr(FastAPI, name)
    }
    assert own == {
        "collection", "include", "seed", "job", "schedule",
        "transaction", "system", "check", "changes",
    }  # fmt: skip
    assert len(own) <= 12


def test_every_public_class_and_function_says_what_it_is() -> None:
    for name in stanchion.__all__:
        value = getattr(stanchion, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), f"{name} has no docstring"
