"""Signing in with an account elsewhere: OpenID Connect, and GitHub, which came before it.

In: a browser that goes there and comes back.   Out: who it is there, and whose account is theirs.
`exchange` asks the provider, `signed` reads what it signed, `linking` decides whose account it is,
`flow` is the way there and back. Why so: docs/decisions/011-sign-in.md, "Accounts elsewhere".
"""

from .clients import ClientAtProvider, read_clients
from .flow import Begun, Finished, ProviderSignIn
from .linking import Linking
from .ways import Ways

__all__ = [
    "Begun", "ClientAtProvider", "Finished", "Linking", "ProviderSignIn", "Ways", "read_clients",
]  # fmt: skip
