"""S20: what people type adds no header to an answer or a mail, and no line to the log.

Line ends of every kind stand in names, addresses, subjects, the user agent, the request id, the
path, a cookie. What comes out is counted: lines of the log, headers of answers, headers of mails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import SMTP
from typing import Any
from urllib.parse import quote

import pytest

from stanchion import events, lines
from stanchion.mail import letter
from stanchion.mail.letter import Letter, message_of
from stanchion.relay import Mailbox, is_address, is_name
from stanchion.testing import Client

from .app import ANN, GOOD, own_id, post, register

ENDS = (
    "\r\n", "\n", "\r", "\r\n\r\n", "\x00", "\x0b", "\x0c", "\x1b[2J", "\x85", "\u2028", "\u2029",
    "%0d%0a", "\\r\\n", "=0D=0A", "=?utf-8?q?=0d=0a?=", "\u560a\u560d",
)  # fmt: skip
"""Line ends, what terminals act on, and texts that some readers make line ends of."""
MARK = "Bcc: eve@example.com"


def typed(end: str) -> str:
    return f'Ann{end}{MARK}{end}{{"event":"forged"}}'


class Heard:
    """Every event of the app."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def lines(self) -> Iterator[tuple[events.Event, str]]:
        """Each event with its line, in both styles, without the traceback of a fault."""
        for event in self.events:
            if isinstance(event, events.RequestDone):
                yield event, lines.access_json(event)
                yield event, lines.access_text(event)
                continue
            told = lines.told_of(event, human=False)
            if told is not None:
                kept = {k: v for k, v in told.facts.items() if k != "traceback"}
                yield event, lines.told_json(told._replace(facts=kept))
                yield event, lines.told_text(told._replace(facts=kept))


@pytest.fixture
def heard() -> Iterator[Heard]:
    found = Heard()
    ends = events.subscribe(found.events.append)
    yield found
    ends()


def forged(heard: Heard) -> list[str]:
    """Lines of the log that are more than one, or act on a terminal."""
    found = []
    for _, line in heard.lines():
        body = line.removesuffix("\n")
        whole = body.isprintable() and len(body.splitlines()) <= 1
        if not whole or (line.startswith("{") and json.loads(line)["event"] == "forged"):
            found.append(line)
    return found


def send_everywhere(http: Client, ann: dict[str, str], end: str) -> list[Any]:
    """A text with this line end wherever somebody can put one; the answers."""
    text = typed(end)
    # a server refuses line ends in a header before they reach the app; here nothing is before it
    head = {"user-agent": text, "x-request-id": text, "x-forwarded-for": text, "referer": text}
    sent = {n: v.encode("utf-8", "replace").decode("latin-1") for n, v in head.items()}
    user = own_id(http, ann)
    return [
        post(http, "/login", sent, email=text, password=GOOD),
        post(http, "/login", sent, email=ANN, password=text[:256]),
        post(http, "/register", sent, email=f"x{end}@example.com", password=GOOD),
        post(http, "/register", sent, email="x@example.com", password=GOOD, name=text),
        post(http, "/keys", {**ann, **sent}, name=text[:100], scopes=["*:read"]),
        http.patch(f"/api/users/{user}", {"name": text[:100]}, headers={**ann, **sent}),
        http.get(f"/api/notes/{quote(text)}", headers=sent),
        http.get(f"/{quote(text)}", headers=sent),
        http.get(f"/api/notes?filter={quote(text)}", headers=sent),
        http.get("/mine", headers={**sent, "cookie": f"__Host-session={sent['referer']}"}),
        http.get("/mine", headers={**sent, "authorization": f"Bearer {sent['referer']}"}),
        http.get(f"/auth/sign-in?next={quote('/' + text)}", headers=sent),
    ]


def split(answers: list[Any]) -> list[str]:
    """Headers that hold a line end, or that nobody set."""
    return [
        f"{name}: {value!r}"
        for answer in answers
        for name, value in answer.headers.items()
        if name == "bcc" or "\r" in value or "\n" in value or not answer.headers["x-request-id"]
    ]


@pytest.fixture(scope="module")
def ann(http: Client) -> dict[str, str]:
    return register(http)


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_no_line_and_no_header_is_added(
    http: Client, heard: Heard, ann: dict[str, str], end: str
) -> None:
    answers = send_everywhere(http, ann, end)
    assert split(answers) == []
    assert {a.headers["x-request-id"][:2] for a in answers} == {"r_"}, "nobody chooses it"
    assert forged(heard) == []
    assert len(heard.events) >= len(answers)


def mails_of(http: Client, ann: dict[str, str], end: str) -> list[str]:
    """Mails that a person causes whose name has this line end, and addresses that have: headers of
    the mails, as a mail server reads them, that are not ours."""
    before = len(http.mails)
    user = own_id(http, ann)
    http.patch(f"/api/users/{user}", {"name": typed(end)[:100]}, headers=ann)
    for path, email in (("/reset", ANN), ("/code", ANN), ("/reset", f"ann{end}@example.com")):
        post(http, path, email=email)
    http.run_jobs()
    found = []
    for mail in http.mails[before:]:
        read = message_from_bytes(mail.as_bytes(policy=SMTP), policy=SMTP)
        found += [name for name in read if name.lower() in ("bcc", "cc", "x")]
        found += [str(read[name]) for name in ("To", "From", "Subject") if MARK in str(read[name])]
    assert len(http.mails) > before
    return found


@pytest.mark.parametrize("end", ENDS[:4], ids=ascii)
def test_no_mail_gets_a_header_or_a_reader_more(
    http: Client, ann: dict[str, str], end: str
) -> None:
    assert mails_of(http, ann, end) == []


# each without its guard


def test_a_log_that_writes_what_was_sent_would_be_seen(
    http: Client, heard: Heard, ann: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "escape", lambda text: text)
    send_everywhere(http, ann, "\n")
    assert forged(heard)


def test_a_request_id_that_is_believed_would_be_seen(
    http: Client, ann: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stanchion.http import front

    monkeypatch.setattr(front.Front, "_request_id", lambda self: typed("\r\n"))
    assert split(send_everywhere(http, ann, "\r\n"))


ENCODED = (
    "=?utf-8?q?=0d=0aBcc:_eve@example.com?=", "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=",
    "=?us-ascii?Q?=0D=0A_x?=", "=?utf-8?q?=0a?==?utf-8?q?=0d?=",
)  # fmt: skip
"""Words that Python's own message class decodes while it writes them, line ends and all."""


PLAIN = Mailbox(ANN, "Ann")


def headers_of(subject: str, to: Mailbox = PLAIN) -> list[tuple[str, str]]:
    """The headers of a mail with this subject, as a mail server reads them."""
    said = Letter(to, subject, "text")
    raw = message_of(said, Mailbox("shop@example.com"), "1").as_bytes()
    return [(name, str(value)) for name, value in message_from_bytes(raw, policy=SMTP).items()]


OURS = [name for name, _ in headers_of("plain")]


@pytest.mark.parametrize("end", [*ENDS, *ENCODED], ids=ascii)
def test_a_subject_is_one_header(end: str) -> None:
    for subject in (typed(end), end, f"Ann {end}"):
        assert [name for name, _ in headers_of(subject)] == OURS


@pytest.mark.parametrize("word", ENCODED)
def test_no_encoded_word_becomes_a_header_by_a_name_or_an_address(
    http: Client, ann: dict[str, str], word: str
) -> None:
    address = f"{word}@example.com"
    assert not is_name(word) and not is_name(f"Ann {word}") and not is_address(address)
    for to in (Mailbox(ANN, word), Mailbox(address)):
        with pytest.raises(ValueError, match="no address"):
            headers_of("plain", to)
    before = len(http.mails)
    assert post(http, "/register", email=address, password=GOOD).status == 422
    assert post(http, "/reset", email=address).status == 202
    assert post(http, "/email", ann, email=address, password=GOOD).status == 422
    http.run_jobs()
    assert len(http.mails) == before


@pytest.mark.parametrize("word", ENCODED[:2])
def test_an_encoded_word_that_is_taken_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """Without what looks at names, the mail itself is refused in the end."""
    monkeypatch.setattr(letter, "is_name", lambda name: True)
    with pytest.raises(ValueError, match="more than were set"):
        headers_of("plain", Mailbox(ANN, f"Ann {word}"))


def test_a_subject_that_is_taken_as_it_is_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's message refuses it then: nothing is sent, and nothing is injected either."""
    monkeypatch.setattr(letter, "one_line", lambda text: text)
    with pytest.raises(ValueError, match="linefeed"):
        headers_of(typed("\r\n"))
