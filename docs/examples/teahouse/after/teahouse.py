"""The teahouse under its policy: the same tables, and every line of code names its purpose."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from troth import SYSTEM, Actor, Answer, Said, Settings, Troth, UseRefused
from troth.integrations.sqlalchemy import BlindIndexText, SealedText, lens_session

ORDERING = ("place_order", "deliver_order", "keep_records")
"""What an order opens; their notices stand beside the button."""


def new_id() -> str:
    """Return a random key."""
    return secrets.token_hex(8)


class Base(DeclarativeBase):
    """What the tables share."""


class Customer(Base):
    """Somebody who buys tea."""

    __tablename__ = "customer"

    customer_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    person: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(SealedText("customer.phone"))
    # Only the account sees it: a column that a purpose does not see is loaded when it is asked for.
    phone_index: Mapped[str] = mapped_column(BlindIndexText("customer.phone"), deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    """One parcel of tea."""

    __tablename__ = "tea_order"

    order_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.customer_id"), index=True)
    person: Mapped[str]
    what: Mapped[str]
    fen: Mapped[int]
    address: Mapped[str] = mapped_column(SealedText("tea_order.address"), deferred=True)
    state: Mapped[str] = mapped_column(default="placed", index=True)
    placed_at: Mapped[int] = mapped_column(default=lambda: int(time.time()))
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Teahouse:
    """What the pages call. A person is the random id that troth gave to them."""

    def __init__(self, t: Troth) -> None:
        self.t = t

    def register(self, person: str, name: str, phone: str, token: str) -> None:
        """Add a customer to whom the notice of an account was shown."""
        self.t.answer(person, "keep_account", Answer.ACT, token)
        with lens_session(self.t, "keep_account", person=person, writes=True) as session:
            session.add(Customer(person=person, name=name, phone=phone, phone_index=phone))

    def log_in(self, phone: str) -> str | None:
        """Return the person with this phone, if there is one; it opens nothing."""
        found = self.t.find("customer", "phone_index", phone)
        return found[0].person if found else None

    def order(self, person: str, what: str, fen: int, address: str, token: str) -> str:
        """Take an order: first the act that opens its purposes, then its row."""
        self.t.answer_many([Said(person, purpose, Answer.ACT, token) for purpose in ORDERING])
        purposes = ("place_order", "deliver_order")
        with lens_session(self.t, *purposes, person=person, writes=True) as session:
            customer = session.scalars(select(Customer)).one()
            order = Order(customer=customer, person=person, what=what, fen=fen, address=address)
            session.add(order)
            session.flush()
            return order.order_id

    def orders(self, person: str) -> Sequence[tuple[str, int]]:
        """Return what a customer ordered and what it cost."""
        with lens_session(self.t, "place_order", person=person) as session:
            return [(order.what, order.fen) for order in session.scalars(select(Order))]

    def to_deliver(self, packer: Actor) -> Sequence[tuple[str, str, str, str]]:
        """Return what the packer takes along, of customers for whom delivery stands."""
        waiting = {found.person for found in self.t.find("tea_order", "state", "placed")}
        people = [person for person in waiting if self.t.decide(person, "deliver_order")]
        if not people:
            return []
        how = {"people": people, "actor": packer, "case": "tour"}
        with lens_session(self.t, "deliver_order", **how) as session:
            placed = session.scalars(select(Order).where(Order.state == "placed"))
            return [(o.what, o.customer.name, o.customer.phone, o.address) for o in placed]

    def delivered(self, packer: Actor, order_id: str, person: str) -> None:
        """Note that a parcel arrived."""
        how = {"person": person, "actor": packer, "case": order_id, "writes": True}
        with lens_session(self.t, "deliver_order", **how) as session:
            session.get_one(Order, order_id).state = "delivered"

    def phones_for_news(self) -> Sequence[str]:
        """Return the phones of those who allowed the news of new tea."""
        try:
            with lens_session(self.t, "send_news", actor=Actor("news", SYSTEM)) as session:
                return session.scalars(select(Customer.phone)).all()
        except UseRefused:
            return []


def opened(settings: Settings) -> Teahouse:
    """Open the shop on its database, which must be as its map says."""
    t = Troth.open(settings)
    t.govern(Path(__file__).parents[1] / "datamap.yaml")
    return Teahouse(t)
