"""A person at the pages of the shop without a browser: reads what they say, fills in their forms.

Nothing is sent that a page did not offer: a form that is not on the page cannot be submitted, and
its hidden fields, tokens and chosen answers go along as a browser would send them.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import httpx
from bs4 import BeautifulSoup, Tag


class Page:
    """One page as it came."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.path = response.url.path
        self.status = response.status_code

    @cached_property
    def tree(self) -> BeautifulSoup:
        """Return what it holds; read only when somebody looks, for the matrix opens thousands."""
        return BeautifulSoup(self.response.text, "html.parser")

    def has(self, selector: str) -> bool:
        """Tell whether the page has something that a CSS selector finds."""
        return self.tree.select_one(selector) is not None

    @property
    def words(self) -> str:
        """Return what the main part says."""
        main = self.tree.select_one("main") or self.tree
        return main.get_text(" ", strip=True)

    def form(self, action_end: str, holding: Mapping[str, str] | None = None) -> Tag:
        """Return the form whose address ends so and whose fields hold these values.

        Raises:
            AssertionError: the page has no such form.
        """
        for form in self.tree.select("form[action]"):
            fields = _fields(form)
            if str(form["action"]).endswith(action_end) and all(
                fields.get(name) == value for name, value in (holding or {}).items()
            ):
                return form
        offered = [str(f["action"]) for f in self.tree.select("form[action]")]
        raise AssertionError(
            f"{self.path} ({self.status}) has no form …{action_end} {holding or ''}, only {offered}"
        )


class Walker:
    """One person with a browser's cookies."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def open(self, path: str, expected: int = 200) -> Page:
        """Open a page, following redirects."""
        return self._page(self.client.get(path, follow_redirects=True), expected)

    def submit(
        self,
        page: Page,
        action_end: str,
        *,
        holding: Mapping[str, str] | None = None,
        picture: Path | None = None,
        expected: int = 200,
        follow: bool = True,
        **typed: str,
    ) -> Page:
        """Fill in a form of a page and send it.

        Args:
            page: the page with the form.
            action_end: how the form's address ends.
            holding: what the form's fields hold, to tell forms of one address apart.
            picture: a file for the form's file field.
            expected: status of the page that comes at the end.
            follow: whether to go where the answer leads.
            typed: what the person enters; only into fields that the form has.
        """
        form = page.form(action_end, holding)
        fields = _fields(form)
        names = {str(f["name"]) for f in form.select("[name]")}
        assert set(typed) <= names, f"{action_end} has no field {set(typed) - names}"
        fields |= typed
        address, method = str(form["action"]), str(form.get("method", "get"))
        if method == "get":
            answer = self.client.get(address, params=fields, follow_redirects=True)
        elif picture is not None:
            files = {"picture": ("voucher.png", picture.read_bytes(), "image/png")}
            answer = self.client.post(address, data=fields, files=files, follow_redirects=follow)
        else:
            answer = self.client.post(address, data=fields, follow_redirects=follow)
        return self._page(answer, expected)

    def refused(self, method: str, path: str, fields: Mapping[str, str]) -> str:
        """Send a request as a script would and return the question that the refusal names.

        Raises:
            AssertionError: it is not refused with 403, problem+json and a `consent_uri`.
        """
        answer = self.client.request(
            method, path, data=dict(fields) or None, headers={"Accept": "application/json"}
        )
        kind = answer.headers.get("content-type", "")
        assert (answer.status_code, kind.partition(";")[0]) == (403, "application/problem+json"), (
            f"{method} {path} {dict(fields)}: {answer.status_code} {kind}"
        )
        return str(answer.json()["consent_uri"])

    @staticmethod
    def _page(response: httpx.Response, expected: int) -> Page:
        asked = f"{response.request.method} {response.request.url}"
        page = Page(response)
        assert page.status == expected, f"{asked}: {page.status} {page.words[:400]}"
        return page


def _fields(form: Tag) -> dict[str, str]:
    """Return what a form sends when nobody touched it."""
    found: dict[str, str] = {}
    for field in form.select("input[name], textarea[name]"):
        kind = field.get("type", "text")
        if kind in ("file", "submit") or (
            kind in ("radio", "checkbox") and field.get("checked") is None
        ):
            continue
        found[str(field["name"])] = str(field.get("value", "")) or field.get_text()
    return found
