"""The named journeys of one person who refused some permissions and allowed the others.

Browse, search, register, order, pay, support, see my data, log out. Each ends in a state that the
database or the page shows. What a refused permission would have served is done the other way.
"""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from tests.browser.shop import PASSWORD, PERMISSIONS, RunningShop
from tests.matrix.walker import Walker

ARTICLE = "tea-longjing"
PLACES = {
    "scan_product": ("/scan", "#scanner"),
    "photograph_voucher": ("/orders/{order}/pay", "form#photograph"),
    "choose_file": ("/orders/{order}/pay", "form.by-file input[type=file]"),
    "call_hotline": ("/support", 'a[href^="tel:"]'),
    "adapt_pictures": ("/", "script[data-uses-pictures]"),
    "identify_device": ("/support", "input[name=device]"),
    "paste_text": ("/search", "button[data-paste]"),
}
"""{purpose: (page, what of it is there only if the purpose stands)}."""


@dataclass(frozen=True)
class End:
    """Where the journeys led, to be looked up in the database.

    Attributes:
        refused: the permissions that were refused.
        person: random id, found by the phone.
        order: number of the order that was paid by transfer.
        case: number of the support case.
        session: what the log-in's cookie held before it ended.
        device_number: of the case, as its page showed it; empty without.
    """

    refused: frozenset[str]
    person: str
    order: str
    case: str
    session: str
    device_number: str


def walk(shop: RunningShop, refused: Set[str], voucher: Path) -> End:
    """Go all journeys as a new person.

    Raises:
        AssertionError: a journey did not reach its end, or a place of use was not as it must be.
    """
    with shop.client() as client:
        return _Journeys(shop, Walker(client), frozenset(refused), voucher).all()


class _Journeys:
    def __init__(
        self, shop: RunningShop, walker: Walker, refused: frozenset[str], voucher: Path
    ) -> None:
        self.shop = shop
        self.walker = walker
        self.refused = refused
        self.voucher = voucher
        self.phone = shop.next_phone()

    def all(self) -> End:
        self.browse()
        self.search()
        self.register()
        person = self.shop.person_of(self.phone)
        self.answer_permissions()
        order = self.order()
        self.places_are_as_answered(order)
        self.pay(order)
        case, number = self.support()
        self.see_my_data(order)
        session = self.log_out()
        return End(self.refused, person, order, case, session, number)

    def allows(self, permission: str) -> bool:
        return permission not in self.refused

    def browse(self) -> None:
        menu = self.walker.open("/")
        shelf = self.walker.open(str(menu.tree.select_one(".shelf-links a")["href"]))
        link = shelf.tree.select_one(f'a[href="/product/{ARTICLE}"]')
        article = self.walker.open(str(link["href"]))
        assert article.has("form[action='/cart/add']")

    def search(self) -> None:
        found = self.walker.submit(self.walker.open("/"), "/search", q="龙井")
        assert found.has(f'.found a[href="/product/{ARTICLE}"]')
        by_code = self.walker.submit(
            self.walker.open("/scan"), "/code", code=self.shop.catalogue.by_sku[ARTICLE].code
        )
        assert by_code.path == f"/product/{ARTICLE}"

    def register(self) -> None:
        begin = self.walker.open("/register")
        sent = self.walker.submit(begin, "/register", phone=self.phone, fourteen="yes")
        code = self.shop.code_sent_to(self.phone)
        my = self.walker.submit(sent, "/register/code", code=code, password=PASSWORD)
        assert my.path == "/my"
        assert self.phone[-4:] in my.words

    def answer_permissions(self) -> None:
        for permission, purposes in PERMISSIONS.items():
            for purpose in purposes:
                self.say(purpose, "give" if self.allows(permission) else "refuse")
        self.say("check_voucher", "give")

    def say(self, purpose: str, said: str) -> None:
        question = self.walker.open(f"/privacy/ask/{purpose}?next=/contact")
        holding = {"said": said, "purpose": purpose}
        self.walker.submit(
            question, "/privacy/answers", holding=holding, expected=303, follow=False
        )

    def order(self) -> str:
        article = self.walker.open(f"/product/{ARTICLE}")
        cart = self.walker.submit(article, "/cart/add", qty="2")
        assert cart.path == "/cart"
        checkout = self.walker.open("/checkout")
        placed = self.walker.submit(checkout, "/checkout", delivery="pick_up", pay_by="transfer")
        assert placed.path.startswith("/orders/")
        return placed.path.rpartition("/")[2]

    def places_are_as_answered(self, order: str) -> None:
        """Look at the place of use of every purpose, and knock at the server's door behind it."""
        paths = {path for path, _ in PLACES.values()}
        pages = {path: self.walker.open(path.format(order=order)) for path in sorted(paths)}
        for permission, purposes in PERMISSIONS.items():
            for purpose in purposes:
                path, control = PLACES[purpose]
                page = pages[path]
                assert page.has(control) == self.allows(permission), (purpose, path)
                address = f"/privacy/uses/{purpose}"
                if self.allows(permission):
                    assert self.walker.client.post(address).status_code == 204
                    continue
                asked = self.walker.refused("POST", address, {})
                assert asked.startswith(f"/privacy/ask/{purpose}")
                assert page.has(f'main a[href^="/privacy/ask/{purpose}?"]'), (
                    "no way to the question"
                )

    def pay(self, order: str) -> None:
        """Pay by what is allowed, the reference always: it needs no permission."""
        pay = self.walker.open(f"/orders/{order}/pay")
        for permission, via in (("storage", "choose_file"), ("camera", "photograph_voucher")):
            if self.allows(permission):
                holding = {"via": via}
                self.walker.submit(pay, "/voucher", holding=holding, picture=self.voucher)
            else:
                asked = self.walker.refused("POST", f"/orders/{order}/voucher", {"via": via})
                assert asked.startswith(f"/privacy/ask/{via}")
            pay = self.walker.open(f"/orders/{order}/pay")
        sent = self.walker.submit(pay, "/reference", reference=f"REF-{order[:12]}")
        assert sent.path == f"/orders/{order}"
        receipt = self.walker.open(f"/orders/{order}/receipt")
        assert f"/orders/{order}/receipt" == receipt.path
        file = f"/orders/{order}/receipt/file"
        if self.allows("storage"):
            saved = self.walker.client.get(file)
            assert saved.headers["content-disposition"].startswith("attachment")
        else:
            assert self.walker.refused("GET", file, {}).startswith("/privacy/ask/choose_file")

    def support(self) -> tuple[str, str]:
        desk = self.walker.open("/support")
        assert self.shop.troth.policy.controller.phone in desk.words
        typed = {"subject": "包装破了", "message": "收到时盒子有一个角是破的。"}
        device = {"device": "yes"} if self.allows("device_id") else {}
        opened = self.walker.submit(desk, "/support/cases", **typed, **device)
        assert opened.path.startswith("/support/cases/")
        answered = self.walker.submit(opened, "/messages", message="补充：茶叶没有受潮。")
        assert "茶叶没有受潮" in answered.words
        number = answered.tree.select_one("section[aria-labelledby=device] .digits")
        if not self.allows("device_id"):
            asked = self.walker.refused("POST", f"{opened.path}/device", {})
            assert asked.startswith("/privacy/ask/identify_device")
        return opened.path.rpartition("/")[2], number.get_text(strip=True) if number else ""

    def see_my_data(self, order: str) -> None:
        held = self.walker.open("/my/data")
        assert self.phone in held.words
        assert order in held.words
        assert "包装破了" in held.words

    def log_out(self) -> str:
        session = self.walker.client.cookies["session"]
        self.walker.submit(self.walker.open("/logout"), "/logout")
        assert "session" not in self.walker.client.cookies
        assert self.walker.open("/my").path == "/login"
        # The number that the browser held opens nothing any more.
        self.walker.client.cookies.set("session", session)
        assert self.walker.open("/my").path == "/login"
        return session
