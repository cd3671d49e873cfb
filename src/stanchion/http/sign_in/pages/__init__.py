"""Pages for apps that have none of their own: sign in, register, a second factor, one's account.

In: an app that has users.   Out: routes at `/auth/…`. One of the app at such a path takes the place
of ours. They need no script, post to themselves, and look as `SignIn(css=...)` says. `entering`
lets people in, `asking` mails them what does, `links` is where the links of mails lead, `account`
shows what is theirs, `page` is what all are made with.
"""

from __future__ import annotations

from fastapi import FastAPI

from ....runtime import Runtime
from ...pages.routes import Answer
from .account import AccountPages
from .asking import AskingPages
from .entering import EnteringPages
from .links import WORDS, LinkPages
from .page import FormRoute


def add_pages(app: FastAPI, runtime: Runtime) -> None:
    """Add them to an app."""
    entering, account = EnteringPages(app, runtime), AccountPages(app, runtime)
    routes: dict[str, Answer] = {
        "/auth/sign-in": entering.sign_in,
        "/auth/second-factor": entering.second_factor,
        "/auth/sign-out": account.sign_out,
        "/auth/account": account.show,
        "/auth/account/{what}": account.change,
    }
    policy = runtime.model.sign_in
    assert policy is not None
    asking = AskingPages(app, runtime)
    routes["/auth/forgot"] = asking.forgot
    if policy.codes_by_mail:
        routes["/auth/code"] = asking.code
    if policy.register != "closed":
        by_mail = policy.register == "verified"
        routes["/auth/register"] = asking.ask_account if by_mail else entering.register
    links = LinkPages(app, runtime)
    routes |= {f"/auth/{name}": links.of(name) for name in WORDS}
    for path, answer in routes.items():
        app.router.routes.insert(0, FormRoute(app, path, answer))
