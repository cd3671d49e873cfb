"""Work of a command on the database of an app: run to its end, with its failures told as others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from .console import DIFFERS, FAILED, USAGE, CommandFailed, failure

T = TypeVar("T")


def on_database(work: Coroutine[Any, Any, T], code: str) -> T:
    """The result of the work; what goes wrong is a `CommandFailed`, under `code` where nothing
    better is known."""
    from ..errors import DatabaseUnusable, Problem, SettingError, StanchionError
    from ..migrate.apply import SchemaDiffers

    try:
        return asyncio.run(work)
    except SchemaDiffers as differs:
        raise CommandFailed(
            f"{differs}\nhint: stanchion dev brings the database in step with the code", DIFFERS
        ) from None
    except DatabaseUnusable as unusable:
        raise CommandFailed(str(unusable), FAILED) from None
    except Problem as problem:
        places = "".join(f"\n  {e.pointer}: {e.detail}" for e in problem.errors)
        raise failure(
            problem.code, problem.detail + places, hint=problem.hint, exit_code=FAILED
        ) from None
    except SettingError as wrong:
        raise CommandFailed(str(wrong), USAGE) from None
    except (StanchionError, OSError) as error:
        raise failure(code, str(error), exit_code=FAILED) from None
