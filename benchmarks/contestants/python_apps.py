"""The Python contestants: each in an environment of its own, two workers, SQLite in WAL."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.contestants.base import (
    BUILD,
    HERE,
    Contestant,
    make_venv,
    run_quietly,
    versions,
)
from benchmarks.data import copy_rows
from benchmarks.processes import Command


class _PythonApp(Contestant):
    folder = ""
    least = (3, 11)
    packages: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return BUILD / self.folder / "bin/python"

    def installed(self) -> bool:
        return (BUILD / self.folder / "installed.txt").exists()

    def install(self) -> None:
        make_venv(BUILD / self.folder, HERE / self.folder / "requirements.txt", self.least)

    def version(self) -> str:
        return versions(self.python, *self.packages)


class FastApi(_PythonApp):
    name = "FastAPI + SQLAlchemy"
    note = "2 workers, durable"
    folder = "fastapi_sqlalchemy"
    packages = ("fastapi", "sqlalchemy", "aiosqlite", "uvicorn")

    def prepare(self, source: Path, folder: Path) -> None:
        run_quietly(self.python, HERE / self.folder / "main.py", folder / "data.db")
        copy_rows(source, folder / "data.db")

    def command(self, folder: Path, port: int) -> Command:
        argv = (str(self.python), "-m", "uvicorn", "main:app", "--port", str(port), "--workers",
                "2", "--loop", "uvloop", "--http", "httptools", "--no-access-log")  # fmt: skip
        environ = {"BENCH_DATABASE": str(folder / "data.db")}
        return Command(argv, environ, HERE / self.folder)


class _DjangoApp(_PythonApp):
    note = "2 workers, not durable"
    apps = ""
    urls = ""

    def environ(self, folder: Path) -> dict[str, str]:
        return {
            "BENCH_DATABASE": str(folder / "data.db"),
            "BENCH_APPS": self.apps,
            "BENCH_URLS": self.urls,
            "DJANGO_SETTINGS_MODULE": "django_shop.settings",
            "PYTHONPATH": os.pathsep.join([str(HERE / "django_tables"), str(HERE / self.folder)]),
        }

    def prepare(self, source: Path, folder: Path) -> None:
        environ = {**self.environ(folder), "BENCH_APPS": "", "BENCH_URLS": ""}
        run_quietly(self.python, "-m", "django_shop.tables", **environ)
        copy_rows(source, folder / "data.db")


class DjangoNinja(_DjangoApp):
    name = "django-ninja"
    folder = "django_ninja"
    urls = "ninja_site.urls"
    packages = ("django", "django-ninja", "granian")

    def command(self, folder: Path, port: int) -> Command:
        argv = (str(self.python), "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
                "--port", str(port), "--workers", "2", "ninja_site.wsgi:application")  # fmt: skip
        return Command(argv, self.environ(folder))


class DjangoBolt(_DjangoApp):
    name = "django-bolt"
    folder = "django_bolt"
    least = (3, 12)  # what its newest release asks for
    apps = "django_bolt bolt_site"
    urls = "bolt_site.urls"
    packages = ("django", "django-bolt")

    def command(self, folder: Path, port: int) -> Command:
        argv = (str(self.python), "-m", "django", "runbolt", "--no-admin", "--host", "127.0.0.1",
                "--port", str(port), "--processes", "2")  # fmt: skip
        return Command(argv, self.environ(folder))
