"""People who sign in at the provider of `provider.mjs`, as their browser does."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx2


class Browser:
    """Follows links and sends forms at a provider; keeps its cookies."""

    def __init__(self) -> None:
        self._http = httpx2.Client(follow_redirects=False, timeout=20)

    def sign_in(self, address: str, name: str, back: str) -> str:
        """Sign in as `name` where `address` leads; the address below `back` that one ends at."""
        answer = self._http.get(address)
        for _ in range(15):
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["location"])
                if address.startswith(back):
                    return address
                answer = self._http.get(address)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            assert form is not None, answer.text
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert prompt is not None, answer.text
            fields = {"prompt": prompt[1], "login": name, "password": "any"}
            answer = self._http.post(urljoin(str(answer.url), form[1]), data=fields)
        raise AssertionError("it never ends")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
