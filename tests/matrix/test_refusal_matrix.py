"""All 64 sets of refused permissions: the journeys of the shop end where they should (S-26)."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.shop import CASHIER, PERMISSIONS, RunningShop
from tests.matrix.journeys import End, walk
from tests.matrix.walker import Walker
from troth_shop import support
from troth_shop.sessions import token_digest

SETS = [
    frozenset(chosen)
    for size in range(len(PERMISSIONS) + 1)
    for chosen in combinations(PERMISSIONS, size)
]
_AT_ONCE = 4

Ends = Mapping[frozenset[str], "Future[End]"]


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture such as a phone makes of a transfer, small."""
    path = tmp_path_factory.mktemp("voucher") / "voucher.png"
    Image.effect_noise((320, 200), 60).convert("RGB").save(path)
    return path


@pytest.fixture(scope="module")
def ends(shop: RunningShop, voucher: Path) -> Iterator[Ends]:
    """What became of each set; people shop at the same time, as they do."""
    assert shop.troth.policy is not None  # opened once, before the threads
    assert shop.catalogue
    with ThreadPoolExecutor(_AT_ONCE) as people:
        yield {refused: people.submit(walk, shop, refused, voucher) for refused in SETS}


@pytest.fixture(scope="module")
def cashier(shop: RunningShop) -> Iterator[Walker]:
    """A member of staff who approves payments."""
    with shop.client() as client:
        walker = Walker(client)
        name, password = CASHIER
        work = walker.submit(
            walker.open("/staff/login"), "/staff/login", name=name, password=password
        )
        assert work.path == "/staff/orders"
        yield walker


def test_there_are_64_sets_of_six_permissions(shop: RunningShop):
    assert len(set(SETS)) == 64
    assert set(PERMISSIONS) == set(shop.troth.policy.permissions)
    declared = {p.id: p.purposes for p in shop.troth.policy.permissions.values()}
    assert {name: tuple(purposes) for name, purposes in declared.items()} == dict(PERMISSIONS)


@pytest.mark.promise("S-25", "S-26", "S-15", "S-06", "S-07")
@pytest.mark.control(
    "refusal_harmless", "shop_journeys", "permissions_off", "decision_fails_closed"
)
@pytest.mark.parametrize("refused", SETS, ids=lambda chosen: "+".join(sorted(chosen)) or "nothing")
def test_every_journey_reaches_its_end_with_these_refused(
    shop: RunningShop, ends: Ends, cashier: Walker, refused: frozenset[str]
):
    end = ends[refused].result()
    for permission, purposes in PERMISSIONS.items():
        expected = "consent_refused" if permission in refused else "consent_given"
        for purpose in purposes:
            assert shop.states(end.person, purpose) == [expected]

    _is_paid_after_approval(shop, cashier, end)
    pictures = shop.query("SELECT count(*) FROM shop_voucher__rows WHERE order_id = ?", end.order)
    # The same picture by both ways is one voucher.
    assert pictures == [(0 if {"camera", "storage"} <= refused else 1,)]

    ((subject, state, number),) = shop.query(
        "SELECT subject, state, support_device_id FROM shop_case__rows WHERE case_id = ?", end.case
    )
    assert state == "open"
    assert subject != "包装破了", "the subject is stored unsealed"
    assert support.case(shop.troth, end.person, end.case).subject == "包装破了"
    assert (number or "") == end.device_number
    assert bool(number) == ("device_id" not in refused)

    ((ended,),) = shop.query(
        "SELECT ended_at FROM shop_session__rows WHERE token_digest = ?", token_digest(end.session)
    )
    assert ended is not None
    stands = shop.troth.decide(end.person, "register_account")
    assert stands.allowed, "logging out is no withdrawal"


def _is_paid_after_approval(shop: RunningShop, cashier: Walker, end: End) -> None:
    ((state,),) = shop.query("SELECT state FROM shop_order__rows WHERE order_id = ?", end.order)
    assert state == "awaiting_check"
    row = cashier.open(f"/staff/orders/{end.order}")
    cashier.submit(row, f"/staff/orders/{end.order}/approve")
    ((state, paid_at, amount),) = shop.query(
        "SELECT o.state, p.paid_at, p.amount_fen FROM shop_order__rows o "
        "JOIN shop_payment__rows p USING (order_id) WHERE order_id = ?",
        end.order,
    )
    assert state == "paid"
    assert paid_at is not None
    assert amount == 2 * shop.catalogue.by_sku["tea-longjing"].price_fen


def test_nothing_went_wrong_behind_the_pages(shop: RunningShop, ends: Ends):
    for end in ends.values():
        end.result()
    assert "Traceback" not in shop.said()
    assert "ERROR" not in shop.said()
    assert shop.files_with("包装破了") == []  # neither a database nor a log holds what was written
