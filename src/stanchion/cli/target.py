"""From what the command line names to an app.

In: `app.py`, `shop/app.py`, `shop.main:app` or `app.py:app`.   Out: the `App`, imported once.
Refuses, with exit code 2: a file that is not there, a file without an app, an app that raises
(its traceback shortened to the app's own lines), a wrong declaration or setting.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from .. import __all__ as names_of_ours
from .console import FAILED, USAGE, CommandFailed, failure

if TYPE_CHECKING:
    from ..app import App

DEFAULT = "app.py"
argument = click.argument("target", default=DEFAULT, metavar="[TARGET]")


@dataclass(frozen=True, slots=True)
class Target:
    """A module that should hold an app; found, not yet imported."""

    module: str
    attribute: str | None
    file: Path
    root: Path  # what goes on the import path

    @property
    def folder(self) -> Path:
        """The folder whose files belong to the app."""
        return self.root / self.module.split(".")[0] if "." in self.module else self.file.parent


def find_target(text: str) -> Target:
    """What `text` names; raises `CommandFailed`. Nothing is imported."""
    name, _, attribute = text.partition(":")
    path = Path(name)
    if name.endswith(".py") or len(path.parts) > 1 or path.is_dir():
        return _file_target(path / DEFAULT if path.is_dir() else path, attribute or None)
    found = _find_module(name, Path.cwd())
    if found is None:
        raise failure(
            "target.missing",
            f"there is no module `{name}` in {Path.cwd()}",
            hint="name a file (stanchion dev app.py) or a module and its app (shop.main:app)",
        )
    return Target(name, attribute or None, found, Path.cwd())


def _file_target(path: Path, attribute: str | None) -> Target:
    file = path.resolve()
    if not file.is_file():
        raise failure("target.missing", f"there is no file {file}", hint=_near(file))
    root, module = file.parent, file.stem
    while (root / "__init__.py").exists():  # a file of a package keeps its relative imports
        root, module = root.parent, f"{root.name}.{module}"
    if not all(part.isidentifier() for part in module.split(".")):
        raise failure(
            "target.name",
            f"{file.name} is no name that Python can import",
            hint="letters, digits and _ only, such as app.py",
        )
    return Target(module, attribute, file, root)


def _near(file: Path) -> str:
    """What could have been meant by a file that is not there."""
    apps = [
        each
        for each in sorted(file.parent.glob("*.py"))
        if "App(" in each.read_text("utf-8", "replace")
    ]
    if len(apps) == 1:
        return f"there is {apps[0].name}: name it after the command"
    return "name it: stanchion dev path/to/app.py; stanchion new myapp makes a project"


def _find_module(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.is_file():
            return file
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def load_app(target: Target) -> App:
    """Import the target and check its app; raises `CommandFailed` with a text for people."""
    for folder in dict.fromkeys((str(Path.cwd()), str(target.root))):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)
    from ..errors import DeclarationError, SettingError

    collects = gc.isenabled()
    gc.disable()  # an import makes objects that stay: looking for garbage takes a tenth of it
    try:
        app = _app_of(_import(target), target)
        app.check()
        app.runtime.database  # noqa: B018  # reads and checks the settings
        return app
    except (DeclarationError, SettingError) as error:
        raise CommandFailed(str(error), USAGE) from None
    except CommandFailed:
        raise
    except (Exception, SystemExit) as error:  # whatever the app's code may raise at import
        raise CommandFailed(describe_crash(error, target), USAGE) from None
    finally:
        if collects:
            gc.enable()


def _import(target: Target) -> ModuleType:
    if "." in target.module or target.file.parent != target.root:
        return importlib.import_module(target.module)
    if target.module in sys.modules:
        raise failure(
            "target.name",
            f"{target.file} has the name of a module that Stanchion uses: {target.module}",
            hint=f"rename it, for example to {DEFAULT}",
        )
    spec = importlib.util.spec_from_file_location(target.module, target.file)
    assert spec and spec.loader, "find_target saw a .py file"
    module = sys.modules[target.module] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _app_of(module: ModuleType, target: Target) -> App:
    from ..app import App

    if target.attribute is not None:
        found: Any = module
        for part in target.attribute.split("."):
            found = getattr(found, part, None)
        if isinstance(found, App):
            return found
        raise failure(
            "target.no_app",
            f"`{target.attribute}` in {target.file} is no App"
            if found is not None
            else f"{target.file} has no `{target.attribute}`",
            hint=_apps_hint(module),
        )
    apps = {name: value for name, value in vars(module).items() if isinstance(value, App)}
    named = apps.get("app")
    distinct = {id(value): value for value in apps.values()}
    if named is not None or len(distinct) == 1:
        return named or next(iter(distinct.values()))
    if not apps:
        raise failure(
            "target.no_app",
            f"{target.file} has no App in it",
            hint='from stanchion import App, then: app = App("My product")',
        )
    raise failure(
        "target.which_app",
        f"{target.file} has several apps: {', '.join(apps)}",
        hint=f"say which: {target.module}:{next(iter(apps))}",
    )


def _apps_hint(module: ModuleType) -> str:
    from ..app import App

    apps = [name for name, value in vars(module).items() if isinstance(value, App)]
    return f"it has {', '.join(apps)}" if apps else 'app = App("My product")'


# what the app raised


def describe_crash(error: BaseException, target: Target | None) -> str:
    """An exception of the app's own code: what, where, and its own lines of the traceback."""
    name = target.file.name if target else "the app"
    said = "".join(traceback.format_exception_only(type(error), error)).rstrip()
    if isinstance(error, SyntaxError):
        rest = said.lstrip().partition("\n")[2]
        return f"error[app.syntax]: {error.msg}\n  --> {error.filename}:{error.lineno}\n{rest}"
    lines = [f"error[app.failed]: {name} raised {said}"]
    for frame in own_frames(error):
        lines.append(f"  --> {frame.filename}:{frame.lineno} in {frame.name}")
        if frame.line:
            lines.append(f"{frame.lineno} |     {frame.line}")
    if isinstance(error, ImportError):
        hint = _where_from(error, target)
        lines += [f"hint: {hint}"] if hint else []
    return "\n".join(lines)


def _where_from(error: ImportError, target: Target | None) -> str | None:
    """How a module that was not found could be, or a name of ours."""
    name = error.name or ""
    if name.partition(".")[0] == "stanchion":
        return f"from stanchion import {', '.join(n for n in names_of_ours if n[0].isalpha())}"
    if not isinstance(error, ModuleNotFoundError):
        return None
    if target and "." in target.module and _find_beside(target.file.parent, name):
        return f"it is in the same package: from . import {name}"
    return f"install it into {sys.prefix}, or start in the folder that holds `{name}`"


def _find_beside(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The lines of the app's own code that an exception came through."""
    return [f for f in traceback.extract_tb(error.__traceback__) if _is_own(f.filename)]


def app_failed(error: BaseException, target: Target) -> CommandFailed:
    """The app's code raised while it was started."""
    return CommandFailed(describe_crash(error, target), FAILED)


def _is_own(file: str) -> bool:
    """Whether a line of a traceback is the app's: not ours, not a library's, not Python's."""
    if file.startswith("<"):
        return False
    paths = sysconfig.get_paths()
    foreign = (paths["stdlib"], paths["purelib"], paths["platlib"])
    package = str(Path(__file__).resolve().parents[1])
    resolved = str(Path(file).resolve())
    return not resolved.startswith((*foreign, package))
