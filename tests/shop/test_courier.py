import dataclasses
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.shop.conftest import NOON, SECOND, TO_HOME, Shop
from troth import Answer
from troth_shop import courier, gate, orders, payments, queries
from troth_shop.courier import HandedOver, HttpCourier, hand_over, parcel_for
from troth_shop.errors import CourierUnreachable, NotFound, WrongState
from troth_shop.order_states import OrderState
from troth_shop.payments import Reference
from troth_shop.staff import Role, approve_payment, hand_out, pack

TOKEN = "a token of the test"
DAY = 24 * 3600


@dataclass(frozen=True)
class Process:
    """The courier's own process."""

    url: str
    file: Path

    def received(self) -> list[Mapping[str, str]]:
        host, port = self.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        connection.request("GET", "/parcels", headers={"Authorization": f"Bearer {TOKEN}"})
        found = json.loads(connection.getresponse().read())
        connection.close()
        return [entry["parcel"] for entry in found["parcels"]]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    file = tmp_path / "parcels.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-m", "troth_shop.courier", "--file", str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COURIER_TOKEN": TOKEN, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert running.stdout is not None
    yield Process(running.stdout.readline().split()[-1], file)
    running.terminate()
    assert running.wait(timeout=10) == 0
    running.stdout.close()


@dataclass
class Twin:
    """A courier in memory that can be out of reach, or break after it took a parcel."""

    taken: list[Mapping[str, str]] = field(default_factory=list)
    fails: bool = False
    dies_after: bool = False

    def take(self, parcel: Mapping[str, str]) -> str:
        if self.fails:
            raise CourierUnreachable
        if parcel not in self.taken:
            self.taken.append(parcel)
        if self.dies_after:
            raise KeyboardInterrupt
        return f"T{self.taken.index(parcel)}"


def packed(shop: Shop, person: str = "") -> orders.Order:
    if not person:
        person = shop.person()
        shop.say(person, "share_with_courier")
    placed = shop.order(person, delivery="courier", **TO_HOME)
    payments.give_reference(shop.t, person, placed.order_id, Reference("20261122ABCD"))
    approve_payment(shop.t, shop.staff(Role.CASHIER), placed.order_id)
    packer = shop.staff(Role.PACKER)
    pack(shop.t, packer, placed.order_id)
    pack(shop.t, packer, placed.order_id)
    return orders.order(shop.t, person, placed.order_id)


# --- what is sent -----------------------------------------------------------------------------


@pytest.mark.promise("S-09", "S-41")
@pytest.mark.control("courier_declared_fields")
def test_the_courier_receives_the_declared_fields_and_no_other(
    shop: Shop, process: Process
) -> None:
    order = packed(shop)
    assert hand_over(shop.t, HttpCourier(process.url, TOKEN)) == HandedOver(sent=1)
    (parcel,) = process.received()
    assert set(parcel) == set(shop.t.policy.recipients["courier"].fields)
    assert parcel["recipient_name"] == TO_HOME["recipient_name"]
    words = json.dumps(parcel, ensure_ascii=False)
    product = shop.catalogue.by_sku["tea-longjing"]
    others = (order.order_id, order.person, product.name.zh, product.sku, "20261122ABCD")
    assert all(word not in words for word in (*others, str(order.total_fen)))
    then = orders.order(shop.t, order.person, order.order_id)
    assert then.state is OrderState.HANDED_OVER
    found = orders.delivery_of(shop.t, order.person, order.order_id)
    assert found is not None
    assert found.tracking_id.startswith("SH")


@pytest.mark.control("courier_declared_fields")
def test_the_payload_follows_the_policy_and_an_unknown_field_stops_it(shop: Shop) -> None:
    order = packed(shop)
    with gate.use(shop.t, order.person, "share_with_courier") as c:
        row = queries.parcel_of(c, order.person, order.order_id)
    assert row is not None
    policy = shop.t.policy

    def with_fields(*names: str) -> object:
        changed = dataclasses.replace(policy.recipients["courier"], fields=names)
        return dataclasses.replace(policy, recipients={"courier": changed})

    fewer = parcel_for(with_fields("parcel_number"), row)  # type: ignore[arg-type]
    assert set(fewer) == {"parcel_number"}
    with pytest.raises(LookupError):
        parcel_for(with_fields("parcel_number", "order_lines"), row)  # type: ignore[arg-type]
    assert set(row._mapping) == set(courier.SOURCE_OF)


# --- whether it is sent -----------------------------------------------------------------------


@pytest.mark.promise("S-41")
@pytest.mark.control("courier_separate_consent")
def test_who_withdrew_before_sending_is_not_handed_over_and_can_pick_up(shop: Shop) -> None:
    order, twin = packed(shop), Twin()
    shop.say(order.person, "share_with_courier", Answer.WITHDRAW)
    assert hand_over(shop.t, twin) == HandedOver(stopped=1)
    assert hand_over(shop.t, twin) == HandedOver()
    assert twin.taken == []
    then = orders.order(shop.t, order.person, order.order_id)
    assert (then.state, then.delivery) == (OrderState.PACKED, orders.Delivery.PICK_UP)
    assert orders.delivery_of(shop.t, order.person, order.order_id) is None
    assert hand_out(shop.t, shop.staff(Role.PACKER), order.order_id) is OrderState.HANDED_OVER


@pytest.mark.promise("S-41")
def test_the_parcel_of_who_withdrew_is_not_even_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = packed(shop)
    shop.say(order.person, "share_with_courier", Answer.WITHDRAW)
    monkeypatch.setattr(queries, "parcel_of", lambda *_: pytest.fail("it was read"))
    assert hand_over(shop.t, Twin()) == HandedOver(stopped=1)


@pytest.mark.promise("S-41")
@pytest.mark.control("courier_separate_consent")
def test_who_withdraws_between_reading_and_sending_is_not_handed_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, twin, real = packed(shop), Twin(), courier.parcel_for

    def withdrawing(*args: object) -> Mapping[str, str]:
        shop.say(order.person, "share_with_courier", Answer.WITHDRAW)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(courier, "parcel_for", withdrawing)
    assert hand_over(shop.t, twin) == HandedOver(stopped=1)
    assert twin.taken == []


def test_consent_that_expired_meanwhile_does_not_count(shop: Shop) -> None:
    order, twin = packed(shop), Twin()
    shop.move(366 * DAY)
    assert hand_over(shop.t, twin).sent == 0
    assert twin.taken == []
    assert order.delivery is orders.Delivery.COURIER


def test_after_the_contract_ended_nothing_is_sent(shop: Shop) -> None:
    from datetime import UTC, datetime

    order, twin = packed(shop), Twin()
    end = shop.t.policy.recipients["courier"].contract_end
    late = datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp() + DAY
    shop.move(int(late) - NOON // SECOND)
    shop.say(order.person, "share_with_courier")
    assert hand_over(shop.t, twin) == HandedOver(failed=1)
    assert twin.taken == []


def test_when_nobody_can_tell_the_parcel_waits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from troth import Decision, Reason
    from troth.core.policy import ClauseId

    order, twin = packed(shop), Twin()
    with monkeypatch.context() as blind:
        dark = Decision(False, ClauseId(""), Reason.LEDGER_UNREADABLE, "")
        blind.setattr(shop.t, "decide", lambda *_: dark)
        assert hand_over(shop.t, twin) == HandedOver(failed=1)
    assert twin.taken == []
    shop.move(3600)
    assert hand_over(shop.t, twin) == HandedOver(sent=1)
    assert orders.order(shop.t, order.person, order.order_id).state is OrderState.HANDED_OVER


# --- once, again, at once ---------------------------------------------------------------------


def test_a_courier_out_of_reach_is_tried_again_ever_later(shop: Shop) -> None:
    order, twin = packed(shop), Twin(fails=True)
    tries = 0
    for _ in range(40):
        tries += hand_over(shop.t, twin).failed
        shop.move(30)
    assert 4 <= tries <= 6
    twin.fails = False
    shop.move(3600)
    assert hand_over(shop.t, twin) == HandedOver(sent=1)
    assert orders.order(shop.t, order.person, order.order_id).state is OrderState.HANDED_OVER


def test_a_crash_after_sending_sends_the_same_parcel_and_keeps_its_number(
    shop: Shop, process: Process
) -> None:
    order, real = packed(shop), HttpCourier(process.url, TOKEN)

    class Dies:
        def take(self, parcel: Mapping[str, str]) -> str:
            real.take(parcel)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_over(shop.t, Dies())
    assert hand_over(shop.t, real) == HandedOver()
    with pytest.raises(WrongState):  # nobody knows whether it has left
        orders.cancel_order(shop.t, order.person, order.order_id)
    shop.move(courier.LEASE_SECONDS)
    assert hand_over(shop.t, real) == HandedOver(sent=1)
    assert len(process.received()) == 1
    found = orders.delivery_of(shop.t, order.person, order.order_id)
    assert found is not None
    kept = json.loads(process.file.read_text(encoding="utf-8"))
    assert found.tracking_id == kept["tracking_id"]


def test_two_workers_at_once_send_each_parcel_once(shop: Shop) -> None:
    person = shop.person()
    shop.say(person, "share_with_courier")
    for _ in range(4):
        packed(shop, person)
    sent: list[Mapping[str, str]] = []

    class Counting:
        def take(self, parcel: Mapping[str, str]) -> str:
            sent.append(parcel)
            return "T"

    threads = [threading.Thread(target=hand_over, args=(shop.t, Counting())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 4
    assert len({parcel["parcel_number"] for parcel in sent}) == 4


def test_a_cancelled_order_is_not_sent(shop: Shop) -> None:
    order, twin = packed(shop), Twin()
    orders.cancel_order(shop.t, order.person, order.order_id)
    assert hand_over(shop.t, twin) == HandedOver()
    assert twin.taken == []


def test_the_packer_does_not_hand_out_what_the_courier_brings(shop: Shop) -> None:
    order = packed(shop)
    with pytest.raises(NotFound):
        hand_out(shop.t, shop.staff(Role.PACKER), order.order_id)
    assert orders.order(shop.t, order.person, order.order_id).state is OrderState.PACKED


def test_packing_puts_up_one_hand_over(shop: Shop) -> None:
    packed(shop)
    assert shop.count("shop_hand_over") == 1


# --- the process ------------------------------------------------------------------------------


def ask(process: Process, method: str, path: str, *, body: bytes, token: str) -> int:
    host, port = process.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request(method, path, body or None, {"Authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status"),
    [
        ("POST", "/parcels", b'{"parcel_number": "1"}', "wrong", 401),
        ("GET", "/parcels", b"", "", 401),
        ("GET", "/", b"", TOKEN, 404),
        ("POST", "/other", b'{"parcel_number": "1"}', TOKEN, 400),
        ("POST", "/parcels", b"{", TOKEN, 400),
        ("POST", "/parcels", b"[]", TOKEN, 400),
        ("POST", "/parcels", b"\xff", TOKEN, 400),
        ("POST", "/parcels", b'{"parcel_number": 1}', TOKEN, 400),
        ("POST", "/parcels", b'{"recipient_name": "x"}', TOKEN, 400),
        ("POST", "/parcels", b"x" * 20_000, TOKEN, 400),
    ],
)
def test_the_courier_refuses_strangers_and_what_is_no_parcel(
    process: Process, *, method: str, path: str, body: bytes, token: str, status: int
) -> None:
    assert ask(process, method, path, body=body, token=token) == status
    assert process.received() == []


def test_a_wrong_token_or_no_courier_is_unreachable(process: Process) -> None:
    parcel = {"parcel_number": "1", "recipient_name": "王小明"}
    for there in (HttpCourier(process.url, "wrong"), HttpCourier("http://127.0.0.1:1", TOKEN)):
        with pytest.raises(CourierUnreachable) as refused:
            there.take(parcel)
        assert "王小明" not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("url", ["http://0.0.0.0:0", "https://127.0.0.1:0", "http://example.cn:80"])
def test_the_courier_listens_on_loopback_only(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "troth_shop.courier", "--url", url],
        env={**os.environ, "COURIER_TOKEN": TOKEN, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
