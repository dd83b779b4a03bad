"""That replaying notices: a statement that shows or changes something elsewhere is found out."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from tests.shop import replay
from tests.shop.conftest import TO_HOME, Shop
from tests.shop.replay import Sent
from troth_shop import tables


@pytest.mark.control("purpose_lens")
def test_what_an_order_sends_is_refused_to_every_other_purpose(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "REPLAYED", set())
    recorder = shop.recorder()
    with recorder.recording(monkeypatch):
        shop.order(shop.person(), delivery="our_delivery", **TO_HOME)
    tables_sent = {table for sent in recorder.sent for table, _ in sent.touched}
    assert {"shop_customer", "shop_order", "shop_payment", "shop_delivery"} <= tables_sent
    assert recorder.replay() > 50


def test_a_purpose_that_shows_what_it_is_not_thought_to_show_is_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "REPLAYED", set())
    person = shop.person()
    shop.order(person)
    recorder = shop.recorder()
    sql = str(select(tables.order.c.order_id, tables.order.c.state))
    wrongly = frozenset({("shop_order", "no_such_column")})
    recorder.sent.append(Sent("register_account", sql, (), False, wrongly, (person,)))
    with pytest.raises(AssertionError, match="ran what register_account sends"):
        recorder.replay()


def test_text_that_is_not_of_the_shop_is_not_replayed(shop: Shop) -> None:
    recorder = shop.recorder()
    with shop.t.use("register_account", person=shop.person()) as c:
        c.execute(text("SELECT 1"))
    assert recorder.replay() == 0
