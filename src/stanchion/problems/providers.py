"""The codes of signing in with an account elsewhere."""

from __future__ import annotations

from ..errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from .entry import Entry, answer

PROVIDERS: tuple[Entry, ...] = (
    answer(
        NotFound, "auth.no_provider", "The app knows no such provider",
        meaning="The address names a provider that the app does not list in "
        "`SignIn(providers=...)`.",
        way_out="`GET /api/auth/providers` lists those that it knows.",
        detail="This app knows no such provider.", hint="It knows google, github.",
    ),
    answer(
        BadRequest, "auth.goal", "The place to go to afterwards is none of this app",
        meaning="`next` says where the browser goes when somebody has signed in. It is a path of "
        "this app and nothing else, so that no link leads through a sign-in to another site.",
        way_out="Send a path that begins with one slash, with its query if it has one.",
        detail="`next` is a path of this app, with a slash at its beginning.",
        hint="/orders?open=1",
    ),
    answer(
        BadRequest, "auth.way_unknown", "This browser did not begin this sign-in",
        meaning="Whoever comes back from a provider must be the browser that was sent there, once "
        "and within ten minutes: otherwise a link could sign somebody in to the account of "
        "whoever wrote it.",
        way_out="Begin again, with cookies allowed.",
        detail="This browser did not begin this sign-in, or it took longer than ten minutes.",
        hint="Begin again.",
    ),
    answer(
        Forbidden, "auth.provider_refused", "The provider let nobody in",
        meaning="Somebody said no there, or what came back was not signed by the provider, for "
        "this app and for this sign-in. The log says which (`provider.failed`).",
        way_out="Try again, or sign in another way.",
        detail="Google did not let you in.", hint="Try again, or sign in another way.",
    ),
    answer(
        Unavailable, "auth.provider_unreachable", "The provider does not answer",
        meaning="The app asked the provider and got no answer, or none that can be read. Nothing "
        "is wrong with the account.",
        way_out="Try again after `Retry-After` seconds, or sign in another way.",
        detail="Google does not answer at this moment.",
        hint="Try again soon, or sign in another way.",
    ),
    answer(
        Forbidden, "auth.address_unproven", "The provider vouches for no address",
        meaning="Accounts are found by an address that somebody has shown to be theirs. This "
        "provider tells none, or does not say that it was shown.",
        way_out="Sign in another way, and link the provider to the account then. It lets you in "
        "from there on.",
        detail="Microsoft does not vouch for an e-mail address of this account.",
        hint="Sign in another way, and link it to your account then.",
    ),
    answer(
        Conflict, "auth.link_first", "An account with this address is here already",
        meaning="The address belongs to an account that signs in another way, and the app does not "
        "let this provider open it by the address alone (`links=True`).",
        way_out="Sign in as before, then link the provider with `POST "
        "/api/auth/oauth/{provider}/link`.",
        detail="An account with this address is here already.",
        hint="Sign in to it as before, and link Google to it then.",
    ),
    answer(
        Conflict, "auth.identity_taken", "It belongs to another account",
        meaning="An account at a provider opens one account here. This one opens another already.",
        way_out="Sign in with it and unlink it there, or link another one.",
        detail="This account at Google belongs to another account here.",
        hint="Sign in with it, or link another one.",
    ),
    answer(
        Conflict, "auth.last_way_in", "It is the only way in",
        meaning="Without it nobody could sign in to this account any more.",
        way_out="Set a password, make a passkey or link another account first.",
        detail="This is the only way in to this account.",
        hint="Set a password, make a passkey or link another account first.",
    ),
    answer(
        Forbidden, "auth.disabled", "The account is disabled",
        meaning="Whoever came in proved that the account is theirs; an admin has disabled it.",
        way_out="Ask whoever runs the app.",
        detail="This account is disabled.", hint="Ask whoever runs the app.",
    ),
)  # fmt: skip
