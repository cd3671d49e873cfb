"""Jobs: functions of an app that run later, in whichever process is free.

In: a coroutine function and its options.   Out: a `JobKind`, which knows what its jobs are given.
Refuses: functions that cannot be called so, options without a meaning, names that are given twice,
all as `DeclarationError`; arguments that are no JSON, as `WrongUse`.
Called by model, when the app is frozen; the room `jobs` makes and runs the jobs.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, get_type_hints, overload

import pydantic

from ..errors import DeclarationError, Origin, WrongUse, did_you_mean
from .cron import Cron
from .fields import Ref
from .record import Record
from .rules import caller_origin

RETRIES = 10
"""The pauses of ten retries add up to forty minutes: most outages of others are over then."""
TIMEOUT_S = 300.0
QUEUE = "default"
OURS = "stanchion."
"""How the names of jobs begin that are not the app's."""
LONGEST_ARGUMENTS = 65_536
"""Characters of the arguments of one job. What is larger belongs into a record."""
RESERVED = frozenset({"delay", "unique"})
"""What `tx.enqueue` takes for itself."""

JobFunction = Callable[..., Coroutine[Any, Any, object]]
F = TypeVar("F", bound=JobFunction)


@dataclass(frozen=True, slots=True)
class Job:
    """What a handler learns of its job where it has a parameter `job`.

    id: the same in each try, so whatever is done under it is done once.
    tries: which try this is; the first is 1.
    """

    id: Ref[Any]
    tries: int


@dataclass(frozen=True, eq=False)
class JobKind:
    """A declared job: the function, and how its jobs are run."""

    name: str
    function: JobFunction
    retries: int
    timeout_s: float
    queue: str
    origin: Origin | None
    crons: tuple[Cron, ...] = ()

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What the function is called with, but for `job`."""
        found = inspect.signature(self.function).parameters
        return {name: each for name, each in found.items() if name != "job"}

    @cached_property
    def wants_job(self) -> bool:
        """Whether it has a parameter `job`."""
        return "job" in inspect.signature(self.function).parameters

    @cached_property
    def types(self) -> Mapping[str, pydantic.TypeAdapter[Any]]:
        """How the annotated arguments are written as JSON, and read again."""
        hints = get_type_hints(self.function, include_extras=True)
        return {
            name: pydantic.TypeAdapter(hints[name]) for name in self.parameters if name in hints
        }

    def check(self) -> None:
        """Raise `DeclarationError` where the function cannot be called as a job is."""
        told = f"job `{self.name}`: "
        for name, each in self.parameters.items():
            if name in RESERVED:
                raise DeclarationError(
                    "job.parameter", f"{told}`{name}` is what `tx.enqueue` itself takes",
                    origin=self.origin, hint="give the parameter another name",
                )  # fmt: skip
            if each.kind not in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD):
                raise DeclarationError(
                    "job.parameter", f"{told}`{each}` has no name to store its value under",
                    origin=self.origin,
                    hint=f"async def {self.function.__name__}(order: str) -> None: ...",
                )  # fmt: skip
        try:
            hints = get_type_hints(self.function)
            assert self.types is not None
        except (NameError, pydantic.PydanticUserError, TypeError) as error:
            raise DeclarationError(
                "job.types", f"{told}the types of its parameters cannot be read: {error}",
                origin=self.origin,
                hint="take ids, numbers, texts, or other types that pydantic knows",
            ) from None  # fmt: skip
        if self.wants_job and hints.get("job", Job) is not Job:
            raise DeclarationError(
                "job.parameter", f"{told}`job` is given by us, and is a Job",
                origin=self.origin, hint="job: Job",
            )  # fmt: skip
        needed = [n for n, each in self.parameters.items() if each.default is each.empty]
        if self.crons and needed:
            raise DeclarationError(
                "schedule.arguments", f"{told}a schedule has nothing to give for `{needed[0]}`",
                origin=self.origin, hint="give the parameter a default",
            )  # fmt: skip

    # arguments

    def write(self, arguments: Mapping[str, Any]) -> str:
        """The arguments as JSON; raises `WrongUse` for what does not come back as it went in."""
        for name in arguments:
            if name not in self.parameters:
                raise self._wrong(
                    f"`{name}` is no parameter",
                    did_you_mean(name, self.parameters) or f"it takes: {self._named()}",
                )
        for name, each in self.parameters.items():
            if each.default is each.empty and name not in arguments:
                raise self._wrong(f"`{name}` is missing", f"tx.enqueue({self.name}, {name}=…)")
        plain = {name: self._plain(name, value) for name, value in arguments.items()}
        text = json.dumps(plain, separators=(",", ":"))
        if len(text) > LONGEST_ARGUMENTS:
            raise self._wrong(
                f"{len(text)} characters are more than {LONGEST_ARGUMENTS}",
                "store them as a record, and give the job its id",
            )
        return text

    def read(self, text: str) -> dict[str, Any]:
        """The arguments for a call. What the function does not take any more is left out."""
        plain = json.loads(text)
        return {
            name: self.types[name].validate_python(value) if name in self.types else value
            for name, value in plain.items()
            if name in self.parameters
        }

    def call(self, arguments: str, job: Job) -> Coroutine[Any, Any, object]:
        """The coroutine of one try. Raises what reading the arguments raises."""
        given = self.read(arguments)
        return self.function(**given, **({"job": job} if self.wants_job else {}))

    def _plain(self, name: str, value: Any) -> Any:
        hint = f"give the parameter a type that says what it is: {name}: datetime"
        if isinstance(value, Record):
            raise self._wrong(
                f"`{name}` is a record, which may have changed when the job runs",
                f"{name}={name}.id",
            )
        adapter = self.types.get(name)
        try:
            if adapter is None:
                plain = json.loads(json.dumps(value, allow_nan=False))
                back = plain
            else:
                read = value = adapter.validate_python(value)
                plain = json.loads(adapter.dump_json(read))
                back = adapter.validate_python(plain)
                hint = f"`{name}` is {self.parameters[name].annotation}"
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            raise self._wrong(
                f"`{name}` is not what it should be: {first['msg']}",
                f"`{name}` is {self.parameters[name].annotation}",
            ) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise self._wrong(f"`{name}` is no JSON: {error}", hint) from None
        if back != value:
            raise self._wrong(f"`{name}` would not come back from JSON as it is", hint)
        return plain

    def _wrong(self, detail: str, hint: str) -> WrongUse:
        return WrongUse("job.arguments", f"job `{self.name}`: {detail}", hint, caller_origin())

    def _named(self) -> str:
        return ", ".join(f"`{name}`" for name in self.parameters) or "nothing"


class JobList:
    """The jobs that an app or a module declares."""

    def __init__(self) -> None:
        self.declared: list[JobKind] = []

    def add(
        self, function: JobFunction, name: str, retries: int, timeout: float, queue: str
    ) -> JobKind:
        """Raises `DeclarationError`."""
        origin = caller_origin()
        name = name or getattr(function, "__name__", "")
        if not inspect.iscoroutinefunction(function):
            raise DeclarationError(
                "job.function", f"the job `{name}` is no coroutine function", origin=origin,
                hint=f"async def {name}(…) -> None: ...",
            )  # fmt: skip
        if retries < 0 or not timeout > 0 or not queue:
            raise DeclarationError(
                "job.option", f"job `{name}`: retries is 0 or more, timeout more than 0 seconds, "
                "and a queue has a name", origin=origin,
            )  # fmt: skip
        kind = JobKind(name, function, retries, timeout, queue, origin)
        self.declared.append(kind)
        return kind

    def schedule(self, function: JobFunction, cron: Cron) -> None:
        """Give a declared job a schedule."""
        at = next(n for n, kind in enumerate(self.declared) if kind.function is function)
        kind = self.declared[at]
        self.declared[at] = replace(kind, crons=(*kind.crons, cron))

    def __contains__(self, function: object) -> bool:
        return any(kind.function is function for kind in self.declared)


@dataclass(frozen=True, eq=False)
class JobBook:
    """Every job of an app, frozen."""

    by_name: Mapping[str, JobKind] = field(default_factory=dict)

    @cached_property
    def by_function(self) -> Mapping[JobFunction, JobKind]:
        """The same by what was decorated."""
        return {kind.function: kind for kind in self.by_name.values()}

    def without(self, prefix: str) -> JobBook:
        """The others: those whose names do not begin so."""
        kept = {n: kind for n, kind in self.by_name.items() if not n.startswith(prefix)}
        return JobBook(kept)

    def of(self, function: JobFunction) -> JobKind:
        """The job that a function is; raises `WrongUse` where it is none of this app."""
        found = self.by_function.get(function)
        if found is None:
            name = getattr(function, "__name__", repr(function))
            raise WrongUse(
                "job.unknown", f"`{name}` is no job of this app",
                "decorate it with @app.job, or include its Module", caller_origin(),
            )  # fmt: skip
        return found


def build_jobs(declared: Iterable[JobKind]) -> JobBook:
    """Freeze what was declared; raises `DeclarationError`."""
    found: dict[str, JobKind] = {}
    for kind in declared:
        if kind.name in found:
            raise DeclarationError(
                "job.twice", f"two jobs are named `{kind.name}`", origin=kind.origin,
                hint='@app.job(name="…") gives one of them another name',
            )  # fmt: skip
        kind.check()
        found[kind.name] = kind
    return JobBook(found)


class JobDecorators:
    """What `App` and `Module` have in common: they declare jobs."""

    def _jobs(self) -> JobList:
        raise NotImplementedError

    @overload
    def job(self, function: F, /) -> F: ...

    @overload
    def job(
        self, function: None = None, /, *, retries: int = RETRIES, timeout: float = TIMEOUT_S,
        queue: str = QUEUE, name: str = "",
    ) -> Callable[[F], F]: ...  # fmt: skip

    def job(
        self, function: F | None = None, /, *, retries: int = RETRIES, timeout: float = TIMEOUT_S,
        queue: str = QUEUE, name: str = "",
    ) -> F | Callable[[F], F]:  # fmt: skip
        """Let the decorated coroutine function run later, by `tx.enqueue`.

        A try ends after `timeout` seconds; one that fails is repeated `retries` times, with pauses
        that grow. `queue` is what `stanchion work --queue` goes by. `name`, else that of the
        function, is what waiting jobs are stored under: they find the function by it.
        """

        def register(function: F) -> F:
            self._jobs().add(function, name, retries, timeout, queue)
            return function

        return register if function is None else register(function)

    def schedule(
        self, cron: str, *, zone: str = "UTC", retries: int = RETRIES,
        timeout: float = TIMEOUT_S, queue: str = QUEUE, name: str = "",
    ) -> Callable[[F], F]:  # fmt: skip
        """Run the decorated coroutine function at the moments of a cron expression, each once,
        however many processes there are. Of those that passed while none ran, only the last is made
        up for. One that is no job yet becomes one, with these options.
        """

        def register(function: F) -> F:
            read = Cron.read(cron, zone, caller_origin())
            if function not in self._jobs():
                self._jobs().add(function, name, retries, timeout, queue)
            self._jobs().schedule(function, read)
            return function

        return register
