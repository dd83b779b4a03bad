"""Fill a database as years of business would: three customers, four orders."""

from __future__ import annotations

import os

from teahouse import opened


def fill(url: str) -> None:
    """Add customers and orders."""
    shop = opened(url)
    for name, phone, teas in (
        ("Li Wen", "13800138001", ("Longjing", "Biluochun")),
        ("Wang Fang", "13912345678", ("Pu'er",)),
        ("Zhao Lei", "13700137003", ("Tieguanyin",)),
    ):
        customer = shop.register(name, phone)
        for tea in teas:
            shop.order(customer, tea, 12_800, f"Room 2, 18 Tianmushan Road, for {name}")
    shop.engine.dispose()


if __name__ == "__main__":
    fill(os.environ.get("TROTH_OWNER_URL") or os.environ["TROTH_DATABASE_URL"])
