"""Every page of the shop that has an address, with a customer who has an order and a case."""

from dataclasses import dataclass

from tests.browser.shop import Customer, RunningShop
from troth_shop import orders, support
from troth_shop.fields import new_key


@dataclass(frozen=True)
class Visits:
    """Addresses without the language, by who may open them.

    Attributes:
        everybody: pages without a log-in.
        visitors: pages that only who is not logged in sees.
        customers: pages of a customer; ``everybody`` included.
        order: number of an order by transfer that is not paid yet.
        case: number of an open support case.
    """

    everybody: tuple[str, ...]
    visitors: tuple[str, ...]
    customers: tuple[str, ...]
    order: str
    case: str


_EVERYBODY = (
    "/",
    "/category/tea",
    "/product/tea-longjing",
    "/search",
    "/search?q=茶",
    "/search?q=zzz",
    "/code?code=0000000000000",
    "/scan",
    "/cart",
    "/support",
    "/contact",
    "/outbox",
    "/nothing-here",
    "/privacy/policy",
    "/privacy/policy/versions",
    "/privacy/documents/service-agreement",
    "/my/settings/privacy",
    "/logout",
)
_VISITORS = (
    "/register",
    "/login",
    "/reset",
    "/staff/login",
    "/privacy/ask/scan_product?next=/scan",
)


def visits_of(shop: RunningShop, customer: Customer) -> Visits:
    """Order, open a case, and return every page with an address."""
    t, person = shop.troth, customer.person
    shown = t.show(*orders.ORDER_PURPOSES, person=person, language="zh-CN", surface="/checkout")
    form = {"order_key": new_key(), "delivery": "pick_up", "pay_by": "transfer"}
    wanted = orders.Checkout.of(form, shop.catalogue, {"tea-longjing": 2, "ware-teapot": 1})
    order = orders.place_order(t, person, wanted, shown.token).order_id
    shown = t.show(*support.SUPPORT_PURPOSES, person=person, language="zh-CN", surface="/support")
    asked = {"case_key": new_key(), "subject": "包装破了", "message": "盒子有一个角是破的。"}
    case = support.open_case(t, person, support.NewCase.of(asked), shown.token).case_id
    own = (
        "/checkout",
        f"/orders/{order}",
        f"/orders/{order}/pay",
        f"/orders/{order}/receipt",
        f"/orders/{order}/cancel",
        "/my",
        "/my/orders",
        "/my/settings",
        "/my/sessions",
        "/my/password",
        "/my/data",
        "/my/privacy/history",
        f"/support/cases/{case}",
        "/privacy/ask/scan_product?next=/scan",
        "/privacy/ask/check_voucher?next=/my",
        "/privacy/ask/share_with_courier?next=/checkout",
    )
    return Visits(_EVERYBODY, _VISITORS, _EVERYBODY + own, order, case)
