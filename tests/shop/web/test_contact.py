"""Who we are and where to turn, for everybody and without log-in."""

from __future__ import annotations

import pytest

from tests.shop.web.conftest import Browser, Site


@pytest.mark.promise("S-23", "S-24", "S-62")
@pytest.mark.control("contact_block")
@pytest.mark.parametrize(("prefix", "language"), [("", "zh-CN"), ("/en", "en")])
def test_everybody_sees_who_we_are_and_every_way_to_turn(
    site: Site, prefix: str, language: str
) -> None:
    visitor: Browser = site.visitor()
    page = visitor.page(f"{prefix}/contact").get_text(" ", strip=True)
    policy = site.shop.t.policy
    controller = policy.controller
    said = [controller.name[language], controller.address[language], controller.phone]
    said += [controller.email, controller.registration]
    said += [
        channel.title[language]
        for channel in policy.channels.values()
        if channel.kind in ("complaint", "authority") and not channel.address.startswith("/")
    ]
    assert [words for words in said if words not in page] == []
