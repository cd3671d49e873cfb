"""The routes of sign-in, `/api/auth/…`, in every app that has users.

In: an app and its runtime.   Out: routes of FastAPI's, so that they stand in the OpenAPI document.
`auth/` does the work; here are bodies, cookies, and whether a request comes from this site.
"""

from .routes import add_sign_in

__all__ = ["add_sign_in"]
