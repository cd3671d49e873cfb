"""The codes of sign-in."""

from __future__ import annotations

from ..errors import Forbidden, Unauthorized, Unavailable
from .entry import Entry, Family, answer, place

SIGN_IN = Family(
    "auth", "Signing in", "Who is asking could not be made out, or may not come in this way.",
    (
        answer(
            Unauthorized, "auth.wrong_login", "Address and password do not fit",
            meaning="No account that may sign in has this address and this password. Which part is "
            "wrong is not said, so that nobody can find out who has an account.",
            way_out="Look at both again. If the password is forgotten, set another one.",
            detail="No account has this address and this password.",
            hint="Look at both again, or ask for a new password.",
        ),
        answer(
            Unauthorized, "auth.session_ended", "The token opens nothing",
            meaning="The bearer token belongs to no session: it was signed out, ended elsewhere, "
            "not used for too long, or the password was changed since.",
            way_out="Sign in again. A program that keeps a token forgets it at this answer.",
            detail="This token opens nothing: it has ended, or never was one.",
            hint="Sign in again.",
        ),
        answer(
            Forbidden, "auth.wrong_password", "The current password is another one",
            meaning="Who changes a password proves that they know the current one, so that nobody "
            "takes an account over by a session that was left open.",
            way_out="Type the current password again. If it is forgotten, set another one by mail.",
            detail="The current password is another one.",
        ),
        answer(
            Forbidden, "auth.register_closed", "Accounts are not made by strangers",
            meaning="This app does not let people make accounts for themselves.",
            way_out="Ask whoever runs it. In the app, `sign_in = SignIn(register=\"open\")` in the "
            "class of the users opens it.",
            detail="This app makes no accounts for strangers.",
            hint="Whoever runs it makes one for you.",
        ),
        answer(
            Forbidden, "auth.other_site", "A page of another site sent this",
            meaning="The request would change something, a browser added the session's cookie, and "
            "its headers (`Sec-Fetch-Site`, `Origin`) say that a page of another site made it.",
            way_out="Call from a page of this app. Other sites of yours stand in "
            "STANCHION_CORS_ORIGINS; programs send `Authorization: Bearer` instead of a cookie. "
            "Behind a proxy, see STANCHION_PUBLIC_URL.",
            detail="A page of another site sent this, and a browser added its cookie.",
        ),
        answer(
            Unavailable, "auth.busy", "Too many passwords at once",
            meaning="A password costs the server a thirtieth of a second of one core, on purpose; "
            "so many were waiting that yours would have waited too long.",
            way_out="Try again after `Retry-After` seconds.",
            detail="Too many people are signing in at this moment.",
        ),
    ),
)  # fmt: skip


def _password(code: str, title: str, meaning: str, detail: str) -> Entry:
    return place(
        f"password.{code}", title, meaning=meaning,
        way_out="Take a longer one; three or four words that have nothing to do with each other "
        "are easy to keep and hard to guess.",
        detail=detail, pointer="/password",
    )  # fmt: skip


PASSWORDS: tuple[Entry, ...] = (
    _password(
        "short", "The password is too short",
        "A password has at least 8 characters. There are no other rules of what it is made of.",
        "Must have at least 8 characters.",
    ),
    _password(
        "long", "The password is too long",
        "A password has at most 256 characters, so that nobody makes the server hash a book.",
        "Must have at most 256 characters.",
    ),
    _password(
        "common", "Others would try this password first",
        "It is one of those that most people use, or is made of such words, of neighbouring keys, "
        "of a date, or of one part said again.",
        "Is, or begins with, one of the passwords that most people use.",
    ),
    _password(
        "context", "The password is the name of the app, or the address",
        "Without the name of this app and the parts of your address hardly anything is left of it; "
        "those are what others try first.",
        "Is hardly more than the name of this app or your address, which others try first.",
    ),
)  # fmt: skip
