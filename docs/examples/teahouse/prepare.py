"""Bring the teahouse's own database under its policy: three steps, each safe to run again.

    python prepare.py columns   the owner adds what the map asks for
    python prepare.py people    every customer gets the random id that stands for them
    python prepare.py seal      phones and addresses are sealed, and looked at again

Stop the shop before, and start the new one after.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, inspect, text

from troth import Settings, Troth
from troth.integrations.existing import seal_existing

COLUMNS = (
    "ALTER TABLE customer ADD COLUMN person TEXT",
    "CREATE UNIQUE INDEX customer_person ON customer (person)",
    "ALTER TABLE customer ADD COLUMN phone_index TEXT",
    "CREATE UNIQUE INDEX customer_phone_index ON customer (phone_index)",
    "ALTER TABLE tea_order ADD COLUMN person TEXT",
    "CREATE INDEX tea_order_person ON tea_order (person)",
    # Equal phones are sealed differently each time: what is unique is their blind index.
    "DROP INDEX customer_phone",
)
NAMED = (
    "UPDATE customer SET person = :person WHERE customer_id = :customer",
    "UPDATE tea_order SET person = :person WHERE customer_id = :customer",
)
SEALED = ("customer.phone", "tea_order.address")


def columns(settings: Settings) -> None:
    """Add the columns and indexes; in your application this is a migration like any other."""
    engine = create_engine(settings.owner_url)
    with engine.begin() as connection:
        if "person" not in {c["name"] for c in inspect(connection).get_columns("customer")}:
            for statement in COLUMNS:
                connection.execute(text(statement))
    engine.dispose()


def people(settings: Settings) -> None:
    """Give a random id to each customer who has none, and to their orders, one by one."""
    without = text("SELECT customer_id FROM customer WHERE person IS NULL LIMIT 1")
    with closing(Troth.open(settings)) as t:
        while True:
            with t.transaction() as connection:
                customer = connection.execute(without).scalar()
                if customer is None:
                    return
                ids = {"person": t.add_person(connection=connection), "customer": customer}
                for statement in NAMED:
                    connection.execute(text(statement), ids)


def seal(settings: Settings) -> None:
    """Seal what lies in plain text, and say how much it was."""
    for column in SEALED:
        done = seal_existing(settings, Path("datamap.yaml"), column)
        sys.stdout.write(f"{done.column}: {done.sealed_now} of {done.rows} sealed now\n")


if __name__ == "__main__":
    step = {"columns": columns, "people": people, "seal": seal}[sys.argv[1]]
    step(Settings.of(Path(os.environ.get("TEAHOUSE_DATA", "data"))))
