"""Templates of mails: text files whose first line is the subject, and HTML beside them.

In: a name, values.   Out: subject, text and HTML.
Refuses: a name that no file has, and whatever a template gets wrong (`WrongUse`, with its place).
An app's folder `templates/mail` comes first, file by file; what is not there is taken from the
package. HTML is escaped, and templates run in Jinja's sandbox: one that was written by somebody
else than the app's author reaches values, not Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Origin, WrongUse, did_you_mean

if TYPE_CHECKING:
    from jinja2 import Environment, Template

FOLDER = Path("templates", "mail")
"""Where an app has its own, beside its file."""
OURS = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9_-]*(/[a-z][a-z0-9_-]*)*")
_SUBJECT = "Subject:"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template said."""

    subject: str
    text: str
    html: str


class Templates:
    """The templates of one app."""

    def __init__(self, base: Path) -> None:
        self._folders = (base / FOLDER, OURS)

    @property
    def names(self) -> list[str]:
        """Those that there are."""
        return sorted({name for folder in self._folders for name in _named(folder)})

    @property
    def has_own(self) -> bool:
        """Whether the app has any."""
        return any(_named(self._folders[0]))

    def render(self, name: str, values: Mapping[str, Any], origin: Origin | None) -> Rendered:
        """A template with values. Nothing is left empty silently: a value that is missing is an
        error."""
        text = self._fill(name, ".txt", values, origin)
        if text is None:
            raise WrongUse(
                "mail.template", f"there is no template `{name}`",
                did_you_mean(name, self.names)
                or f"write {FOLDER / name}.txt beside the app; its first line is the subject",
                origin,
            )  # fmt: skip
        head, _, rest = text.partition("\n")
        if not head.startswith(_SUBJECT) or not head.removeprefix(_SUBJECT).strip():
            raise WrongUse(
                "mail.template", f"the first line of {name}.txt is no subject",
                "Subject: Your order", origin,
            )  # fmt: skip
        html = self._fill(name, ".html", values, origin)
        return Rendered(head.removeprefix(_SUBJECT).strip(), rest.strip() + "\n", html or "")

    def _fill(
        self, name: str, ending: str, values: Mapping[str, Any], origin: Origin | None
    ) -> str | None:
        from jinja2 import TemplateError, TemplateNotFound

        if not _NAME.fullmatch(name):
            return None
        try:
            template: Template = self._environment.get_template(name + ending)
            return template.render(values)
        except TemplateNotFound as missing:
            if missing.name == name + ending:
                return None
            reason: Exception = missing
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            reason = error
        raise WrongUse(
            "mail.template", f"the template {name}{ending} cannot be filled: {reason}",
            "what a mail says is given to tx.send_mail(…) by name", origin,
        ) from reason  # fmt: skip

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        return ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._folders),
            autoescape=lambda name: name is None or not name.endswith(".txt"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def _named(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*.txt")):
        yield file.relative_to(folder).with_suffix("").as_posix()
