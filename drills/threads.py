"""Threads beside a block: started together, told to stop at its end, waited for, never lost.

In: what each of them does.   Out: nothing; an error of one is raised at the end of the block, for
nothing that a drill counted can be believed then.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Self

Work = Callable[[], None]


@contextmanager
def beside(works: Sequence[Work], stop: threading.Event | None = None) -> Iterator[None]:
    """Run all of them; `stop` is set when the block ends."""
    errors: list[BaseException] = []

    def guarded(work: Work) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        if stop is not None:
            stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def at_once(works: Sequence[Work]) -> None:
    """Run all of them at the same time, to their ends."""
    with beside(works):
        pass


class Going(ABC):
    """Threads that go on until the block ends."""

    _stop: threading.Event
    _beside: AbstractContextManager[None]

    @abstractmethod
    def works(self) -> list[Work]:
        """What each of them does, until `_stop` is set."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._beside = beside(self.works(), self._stop)
        self._beside.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._beside.__exit__(*error)  # type: ignore[arg-type]  # the three of a with statement
