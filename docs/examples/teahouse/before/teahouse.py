"""The teahouse as it was: a small shop on SQLAlchemy, with phones and addresses in plain text.

Nobody was ever asked anything, and every line of code sees every row.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from sqlalchemy import Engine, ForeignKey, Index, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


def new_id() -> str:
    """Return a random key."""
    return secrets.token_hex(8)


class Base(DeclarativeBase):
    """What the tables share."""


class Customer(Base):
    """Somebody who buys tea."""

    __tablename__ = "customer"
    __table_args__ = (Index("customer_phone", "phone", unique=True),)

    customer_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    phone: Mapped[str]
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    """One parcel of tea."""

    __tablename__ = "tea_order"

    order_id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.customer_id"), index=True)
    what: Mapped[str]
    fen: Mapped[int]
    address: Mapped[str]
    state: Mapped[str] = mapped_column(default="placed", index=True)
    placed_at: Mapped[int] = mapped_column(default=lambda: int(time.time()))
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Teahouse:
    """What the pages call."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def register(self, name: str, phone: str) -> str:
        """Add a customer and return their key."""
        with Session(self.engine) as session, session.begin():
            customer = Customer(name=name, phone=phone)
            session.add(customer)
            session.flush()
            return customer.customer_id

    def log_in(self, phone: str) -> str | None:
        """Return the key of the customer with this phone, if there is one."""
        with Session(self.engine) as session:
            return session.scalar(select(Customer.customer_id).where(Customer.phone == phone))

    def order(self, customer_id: str, what: str, fen: int, address: str) -> str:
        """Take an order and return its key."""
        with Session(self.engine) as session, session.begin():
            order = Order(customer_id=customer_id, what=what, fen=fen, address=address)
            session.add(order)
            session.flush()
            return order.order_id

    def orders(self, customer_id: str) -> Sequence[tuple[str, int]]:
        """Return what a customer ordered and what it cost."""
        with Session(self.engine) as session:
            customer = session.get_one(Customer, customer_id)
            return [(order.what, order.fen) for order in customer.orders]

    def to_deliver(self) -> Sequence[tuple[str, str, str, str]]:
        """Return what the packer takes along: goods, name, phone, address."""
        with Session(self.engine) as session:
            waiting = session.scalars(select(Order).where(Order.state == "placed"))
            return [(o.what, o.customer.name, o.customer.phone, o.address) for o in waiting]

    def delivered(self, order_id: str) -> None:
        """Note that a parcel arrived."""
        with Session(self.engine) as session, session.begin():
            session.get_one(Order, order_id).state = "delivered"

    def phones_for_news(self) -> Sequence[str]:
        """Return every phone: everybody gets the news of new tea."""
        with Session(self.engine) as session:
            return session.scalars(select(Customer.phone)).all()


def opened(url: str) -> Teahouse:
    """Open the shop on its database, and make the tables if there are none."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    return Teahouse(engine)
