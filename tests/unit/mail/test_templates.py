"""Templates: an app's own go first, HTML is escaped, nothing reaches Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stanchion.errors import WrongUse
from stanchion.mail.templates import Templates


def write(base: Path, **files: str) -> Templates:
    folder = base / "templates" / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return Templates(base)


def test_a_template_has_a_subject_a_text_and_html(tmp_path: Path) -> None:
    templates = write(
        tmp_path,
        hello_txt="Subject: Hello {{ name }}\n\nDear {{ name }},\n",
        hello_html='{% extends "layout.html" %}{% block body %}<p>{{ name }}</p>{% endblock %}',
    )
    said = templates.render("hello", {"name": "<b>Ann</b>", "app": "Shop"}, None)
    assert (said.subject, said.text) == ("Hello <b>Ann</b>", "Dear <b>Ann</b>,\n")
    assert "<p>&lt;b&gt;Ann&lt;/b&gt;</p>" in said.html and "<b>" not in said.html


def test_the_text_alone_is_a_mail(tmp_path: Path) -> None:
    templates = write(tmp_path, hello_txt="Subject: Hi\n\nHello\n")
    assert templates.render("hello", {}, None).html == ""


def test_an_app_replaces_a_layout(tmp_path: Path) -> None:
    templates = write(
        tmp_path,
        hello_txt="Subject: Hi\n\nHello\n",
        hello_html='{% extends "layout.html" %}{% block body %}Hello{% endblock %}',
        layout_html="<main>{% block body %}{% endblock %}</main>",
    )
    assert templates.render("hello", {}, None).html == "<main>Hello</main>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Subject: Hi\n\n{{ nothing }}", "nothing' is undefined"),
        ("Subject: Hi\n\n{% if %}", "cannot be filled"),
        ("Hello", "is no subject"),
        ("Subject:  \nHello", "is no subject"),
        ("Subject: {{ ''.__class__.__mro__ }}\n", "unsafe"),
        ("Subject: {{ values.append(1) }}\n", "cannot be filled"),
        ("Subject: {{ 1 / 0 }}\n", "division by zero"),
        ('Subject: {% include "../../secrets.txt" %}\n', "cannot be filled"),
    ],
)
def test_a_wrong_template_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "secrets.txt").write_text("hunter2")
    templates = write(tmp_path, hello_txt=text)
    with pytest.raises(WrongUse, match=said) as refused:
        templates.render("hello", {"values": []}, None)
    assert refused.value.code == "mail.template" and "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["helo", "../hello", "/etc/passwd", "hello.txt", "", "a//b"])
def test_a_template_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    templates = write(tmp_path, hello_txt="Subject: Hi\n\nHello\n")
    with pytest.raises(WrongUse, match="there is no template") as refused:
        templates.render(name, {}, None)
    if name == "helo":
        assert "hello" in refused.value.hint


def test_a_start_imports_neither_templates_nor_smtp() -> None:
    asked = "{'jinja2', 'aiosmtplib', 'email._header_value_parser'} & set(sys.modules)"
    code = f"import sys, stanchion.app; sys.exit(' '.join({asked}) or 0)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240
    )
    assert (ended.returncode, ended.stderr) == (0, "")
