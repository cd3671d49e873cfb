"""The codes of second factors and of proofs that are given again."""

from __future__ import annotations

from ..errors import Conflict, Forbidden, Invalid, Unauthorized, Unavailable
from .entry import Entry, answer

FACTORS: tuple[Entry, ...] = (
    answer(
        Unauthorized, "auth.ticket_ended", "The ticket is good no longer",
        meaning="What takes two requests is held together by a ticket, which is good once and for "
        "some minutes, and ends when the password changes. This one is used up, too old, or never "
        "was one.",
        way_out="Begin again: sign in, or ask for what you were setting up once more.",
        detail="This ticket is good no longer, or never was.",
        hint="Begin again: a ticket is good once, and for some minutes.",
    ),
    answer(
        Forbidden, "auth.wrong_code", "The code is wrong, or was used already",
        meaning="It is no code of this account at this moment: mistyped, of another account, too "
        "old, or taken before. Each code is good once, also for whoever looked over a shoulder.",
        way_out="Wait for the next code of the app; if that is refused too, look at the clock of "
        "the phone. A recovery code works without a clock.",
        detail="This code is wrong, or was used already.",
    ),
    answer(
        Forbidden, "auth.code_needed", "A code is asked for, too",
        meaning="This account has a second factor, and a proof of who you are is both of them.",
        way_out="Send `code` beside `password`: of the authenticator app, or a recovery code.",
        detail="This account asks for a code, too.",
    ),
    answer(
        Forbidden, "auth.proof_needed", "A recent proof is asked for",
        meaning="What changes how an account is entered, and whatever else the app says, is not "
        "done for a session alone, which may have been left open or stolen: its owner must have "
        "proven who they are within the last minutes.",
        way_out="Send the password to `POST /api/auth/proof`, with a code where the account asks "
        "for one, then the request again. Signing in anew is a proof, too.",
        detail="This asks for a recent proof of who you are.",
        hint="POST /api/auth/proof with the password, or sign in again.",
    ),
    answer(
        Unauthorized, "auth.wrong_passkey", "The passkey opens no account",
        meaning="What the browser answered fits no passkey that is kept here: it was taken away, "
        "is of another site, was not unlocked by its owner, or answers another challenge. A "
        "passkey whose count of uses went back may be a copy, and opens nothing either.",
        way_out="Take another passkey, or sign in in another way.",
        detail="This passkey opens no account here.",
        hint="Take another passkey, or sign in in another way.",
    ),
    answer(
        Invalid, "auth.unusable_passkey", "The passkey is not kept",
        meaning="What the browser answered is no new passkey for this site, answers another "
        "challenge, or is kept already.",
        way_out="Ask for new options (`POST /api/auth/passkeys/options`), and give "
        "`navigator.credentials.create()` those.",
        detail="What the browser answered is no new passkey for this site.",
        hint="Ask for new options, and try again.",
    ),
    answer(
        Conflict, "auth.too_many_passkeys", "Too many passkeys",
        meaning="An account has at most 20 passkeys.",
        way_out="Take one away that is used no more.",
        detail="This account has 20 passkeys already.",
    ),
    answer(
        Unavailable, "auth.sealed", "Codes of this account cannot be checked",
        meaning="Secrets of authenticators are sealed with a key of the server's, and the one of "
        "this account is not among those that it has.",
        way_out="A recovery code works. Whoever runs the app puts the old key into "
        "`STANCHION_SECRET_KEY` again, behind the new one.",
        detail="The key is not here with which codes of this account are checked.",
    ),
)  # fmt: skip
