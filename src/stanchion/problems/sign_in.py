"""The codes of sign-in."""

from __future__ import annotations

from ..errors import Conflict, Forbidden, Unauthorized, Unavailable
from .entry import Entry, Family, answer, place
from .factors import FACTORS
from .providers import PROVIDERS

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
            Forbidden, "auth.no_mail", "This app sends no mail",
            meaning="What was asked for goes by mail, and nobody told the app which mail server to "
            "use.",
            way_out="Ask whoever runs it. The server: STANCHION_MAIL_URL, STANCHION_MAIL_FROM and "
            "STANCHION_PUBLIC_URL.",
            detail="This app sends no mail.", hint="Ask whoever runs it.",
        ),
        answer(
            Forbidden, "auth.link_ended", "The link of a mail is good no longer",
            meaning="It was used, its time is over, something newer took its place, the address or "
            "password of the account was changed since, or it never was one. Which, is not said.",
            way_out="Ask for another mail and use the link of the newest.",
            detail="This link is good no longer, or never was.",
            hint="Ask for another mail: a link is good once, and for a time.",
        ),
        answer(
            Unauthorized, "auth.wrong_mail_code", "The code of a mail is another one",
            meaning="The code is wrong, belongs to another request, was used, was tried wrongly "
            "five times, or its ten minutes are over. Which, is not said.",
            way_out="Type the code of the newest mail; or ask for another one.",
            detail="This code is another one, or good no longer.",
            hint="Type the code of the newest mail, within ten minutes; or ask for another one.",
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
            Unauthorized, "auth.key_ended", "The API key opens nothing",
            meaning="The bearer token looks like an API key and is none that can be used: it was "
            "ended, its time is over, its user is disabled or gone, or the app has no keys.",
            way_out="Make another one while signed in, with `POST /api/auth/keys`.",
            detail="This API key opens nothing: it has ended, or never was one.",
            hint="Make another one while signed in: POST /api/auth/keys.",
        ),
        answer(
            Forbidden, "auth.key_scope", "The API key has not this scope",
            meaning="A key does what its scopes name, and nothing else that its user may do. "
            "`scope` says which one is missing.",
            way_out="Make a key that has it: `orders:read`, `orders:write`, `*:read`, `*:write`, "
            "or the scope that a route of the app names.",
            detail="This API key has not the scope orders:write.",
            hint="Make a key that has it. What its user may do besides, a key does not.",
        ),
        answer(
            Forbidden, "auth.no_key_here", "API keys may not do this",
            meaning="No key makes keys, ends sessions, or changes a password, whatever its scopes. "
            "Routes of the app are open to keys only if they say so.",
            way_out="Use a session. In the app, `requires(signed_in, scope=\"reports\")` opens a "
            "route to keys that have the scope.",
            detail="This is not open to API keys.",
        ),
        answer(
            Forbidden, "auth.keys_closed", "This app has no API keys",
            meaning="The app does not let its users make API keys.",
            way_out="In the app, `sign_in = SignIn(keys=True)` in the class of the users allows "
            "them.",
            detail="This app has no API keys.",
        ),
        answer(
            Conflict, "auth.too_many_keys", "The user has too many API keys",
            meaning="A user has 50 keys at most.",
            way_out="End those that nothing uses: `GET /api/auth/keys` tells when each was used.",
            detail="A user has 50 keys at most.",
            hint="End those that nothing uses: GET /api/auth/keys tells when each was.",
        ),
        answer(
            Unavailable, "auth.busy", "Too many passwords at once",
            meaning="A password costs the server a thirtieth of a second of one core, on purpose; "
            "so many were waiting that yours would have waited too long.",
            way_out="Try again after `Retry-After` seconds.",
            detail="Too many people are signing in at this moment.",
        ),
        *FACTORS,
        answer(
            Forbidden, "auth.link_used", "The link opens nothing",
            meaning="`stanchion dev` prints a link with which the first admin is made. It is good "
            "until there is one.",
            way_out="`stanchion admin create` makes others.",
            detail="This link opens nothing.",
            hint="It is good until there is an admin; `stanchion admin create` makes others.",
        ),
        *PROVIDERS,
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


KEYS: tuple[Entry, ...] = (
    place(
        "auth.scope", "There is no such scope",
        meaning="An API key names collections of the app with `:read` or `:write`, `*` for all of "
        "them, or what a route of the app asks for.",
        way_out="Write it as `orders:read`.",
        detail="There is no scope `order:read`. Did you mean 'orders:read'?", pointer="/scopes/0",
    ),
    place(
        "auth.key_name", "The name of the key cannot be shown",
        meaning="A key is known again by its name.",
        way_out="Take 1 to 100 printable characters, such as what uses the key.",
        detail="A name has 1 to 100 printable characters.", pointer="/name",
    ),
    place(
        "auth.key_days", "The key would last too long",
        meaning="Every key ends. The app says how long one lasts at most: "
        "`SignIn(most_key_days=…)`.",
        way_out="Take fewer days, and make another key before they are over.",
        detail="A key lasts 366 days at most.", pointer="/days",
    ),
)  # fmt: skip
