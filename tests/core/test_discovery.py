"""What discovery makes of tables: names, values and references weighed together, decoys refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.core.discovery import discover
from troth.core.discovery_kinds import (
    About,
    ColumnSeen,
    EdgeSeen,
    Kind,
    Relation,
    TableGuess,
    TableSeen,
)

NAMES = ("王芳", "李建国", "张伟", "刘洋", "陈静", "杨敏", "赵丽华")
MOBILES = tuple(f"1{start}0013{n:04d}" for n, start in enumerate((38, 59, 77, 35, 86, 50, 33, 99)))
TIMES = tuple(str(17_000_000_000 + n * 31_337) for n in range(12))
ORDERS = tuple(f"202401{n:02d}1230451234" for n in range(1, 13))
EMAILS = tuple(f"{name}@example.org" for name in ("mary.j", "tom88", "k.lee", "otto", "ines"))
CARDS = ("4111111111111111", "5555555555554444", "4012888888881881", "5105105105105100")
PLATES = ("浙A12345", "京AF0236", "沪AD12345", "粤B8K821")


def table(name: str, *columns: ColumnSeen, **more: object) -> TableSeen:
    key = (columns[0].name,) if columns and columns[0].name.endswith("id") else ()
    return replace(TableSeen(name, columns, key=key), **more)


def seen(name: str, *samples: str, type_: str = "text", comment: str = "") -> ColumnSeen:
    return ColumnSeen(name, type_, samples, comment)


def guess(*tables: TableSeen) -> dict[str, TableGuess]:
    return {found.name: found for found in discover(tables)}


def kind_in(table_name: str, column: ColumnSeen) -> Kind | None:
    return guess(table(table_name, column))[table_name].columns[column.name].kind


# --- values and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (seen("f1", *MOBILES), Kind.PHONE),
        (seen("f2", *EMAILS), Kind.EMAIL),
        (seen("f3", *PLATES), Kind.PLATE),
        (seen("f4", *NAMES), Kind.PERSON_NAME),
        (seen("f5", *CARDS), Kind.BANK_CARD),
        (seen("f6", "11010519491231002X", "440524188001010014"), Kind.NATIONAL_ID),
        (seen("f7", "$2b$12$" + "a" * 53, "$2b$12$" + "b" * 53), Kind.PASSWORD),
        (seen("f8", "12 Main St", "7 Oak Avenue", "99 Hill Rd"), Kind.ADDRESS),
        (seen("f9", *(f"note no. {n} to tom{n}@example.org" for n in range(9))), Kind.FREE_TEXT),
    ],
)
def test_values_alone_show_what_a_silent_name_holds(column: ColumnSeen, kind: Kind) -> None:
    assert kind_in("t1", column) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("shoujihao", Kind.PHONE),
        ("sfzh", Kind.NATIONAL_ID),
        ("身份证号", Kind.NATIONAL_ID),
        ("dateOfBirth", Kind.BIRTH_DATE),
        ("EMAIL_ADDR", Kind.EMAIL),
        ("chepaihao", Kind.PLATE),
        ("lxrdh", Kind.PHONE),
        ("home_address", Kind.ADDRESS),
        ("pwd", Kind.PASSWORD),
        ("wechat_id", Kind.SOCIAL_ACCOUNT),
        ("fingerprint", Kind.BIOMETRIC),
    ],
)
def test_names_alone_show_what_an_empty_table_will_hold(name: str, kind: Kind) -> None:
    assert kind_in("t1", seen(name)) is kind


def test_comment_says_what_an_abbreviation_hides() -> None:
    assert kind_in("t1", seen("c07", comment="联系人手机")) is Kind.PHONE
    assert kind_in("t1", seen("c07")) is None


@pytest.mark.parametrize(
    "column",
    [
        seen("order_sn", *ORDERS),
        seen("stamp", *TIMES),
        seen("phone", *TIMES),
        seen("email_verified", "0", "1", type_="boolean"),
        seen("email_count", "1", "2", type_="integer"),
        seen("phone_type", "work", "home"),
        seen("release", "1.2.3.4", "1.2.3.5", "2.0.0.1"),
        seen("service_phone", "400-810-8888", "400-820-8888", "1-800-555-0199"),
        seen("contact_email", "info@a.example", "sales@b.example", "support@c.example"),
        seen("sku", "KX123-456", "KX123-457", "E12345-678"),
        seen("product_name", "黄瓜", "白菜", "金针菇", "马铃薯", "石榴", "方便面", "汤圆"),
        seen("created_at", "2024-01-01", "2024-02-01", type_="datetime"),
        seen("publish_date", *(f"{year}-01-01" for year in range(1980, 2020)), type_="date"),
        seen("etag", "d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"),
    ],
    ids=lambda column: column.name,
)
def test_decoy_is_not_taken_for_personal(column: ColumnSeen) -> None:
    assert kind_in("goods", column) is None


def test_values_that_contradict_a_name_outweigh_it() -> None:
    assert kind_in("t1", seen("email", "yes", "no", "daily", "weekly")) is None
    assert kind_in("t1", seen("ip_address", "floor 3", "floor 4", "roof")) is None


def test_name_is_a_persons_only_in_a_persons_row() -> None:
    assert kind_in("customer", seen("name")) is Kind.PERSON_NAME
    assert kind_in("product", seen("name")) is None
    assert kind_in("supplier", seen("name")) is None


def test_company_keeps_its_phone_and_its_contact_stays_a_person() -> None:
    found = guess(
        table(
            "supplier",
            seen("supplier_id"),
            seen("phone", "0571-88881234", "0571-88885678", "010-62345678"),
            seen("credit_code", "91350100M000100Y43"),
            seen("contact_name", *NAMES),
        )
    )["supplier"]
    assert found.about is About.COMPANY
    assert found.columns["phone"].kind is None
    assert found.columns["credit_code"].kind is None
    assert found.columns["contact_name"].kind is Kind.PERSON_NAME


# --- rows and references ------------------------------------------------------------------------


def shop(*, declared: bool) -> dict[str, TableGuess]:
    def edge(column: str, target: str, key: str) -> tuple[EdgeSeen, ...]:
        return (EdgeSeen(column, target, key),) if declared else ()

    return guess(
        table("customers", seen("id"), seen("email"), key=("id",)),
        table(
            "orders",
            seen("id"),
            seen("customer_id"),
            seen("total"),
            key=("id",),
            edges=edge("customer_id", "customers", "id"),
        ),
        table(
            "order_lines",
            seen("id"),
            seen("order_id"),
            seen("product_id"),
            seen("amount"),
            key=("id",),
            edges=edge("order_id", "orders", "id"),
        ),
        table("products", seen("id"), seen("name"), seen("created_by_user"), key=("id",)),
    )


@pytest.mark.parametrize("declared", [True, False])
def test_rows_lead_to_their_person_over_two_references(*, declared: bool) -> None:
    found = shop(declared=declared)
    lines = found["order_lines"]
    assert [(e.column, e.table, e.key) for e in lines.path] == [
        ("order_id", "orders", "id"),
        ("customer_id", "customers", "id"),
    ]
    assert all(edge.declared is declared for edge in lines.path)
    assert lines.columns["amount"].personal
    assert lines.columns["amount"].kind is None
    assert found["products"].about is About.NOBODY
    assert not found["products"].columns["name"].personal


def test_manager_of_a_department_does_not_make_it_personal() -> None:
    found = guess(
        table("employees", seen("id"), seen("full_name"), key=("id",)),
        table(
            "departments",
            seen("id"),
            seen("title"),
            seen("manager_id"),
            key=("id",),
            edges=(EdgeSeen("manager_id", "employees", "id"),),
        ),
    )["departments"]
    assert found.about is About.NOBODY
    assert found.edges[0].relation is Relation.ACCESSED_BY
    assert found.columns["manager_id"].personal
    assert not found.columns["title"].personal


def test_address_to_which_a_customer_refers_is_owned_by_the_customer() -> None:
    found = guess(
        table("place", seen("id"), seen("street_address", "12 Main St", "7 Oak Ave"), key=("id",)),
        table(
            "customer",
            seen("id"),
            seen("place_id"),
            key=("id",),
            edges=(EdgeSeen("place_id", "place", "id"),),
        ),
    )
    assert found["place"].about is About.PERSON
    assert found["place"].owned_through == EdgeSeen("place_id", "customer", "id")
    assert found["customer"].path == ()
    assert found["customer"].edges[0].relation is Relation.OWNS


def test_reference_by_login_name_is_found_by_its_values() -> None:
    logins = tuple(f"otter{n}" for n in range(8))
    found = guess(
        table("accounts", seen("uid", *logins), seen("email"), key=("uid",)),
        table("shares", seen("id"), seen("given_to", *logins[:6]), key=("id",)),
    )["shares"]
    assert [(e.column, e.table) for e in found.path] == [("given_to", "accounts")]
    assert found.columns["given_to"].personal


def test_references_in_a_circle_end() -> None:
    found = guess(
        table("users", seen("id"), seen("team_id"), seen("email"), key=("id",)),
        table("teams", seen("id"), seen("user_id"), key=("id",)),
    )
    assert found["users"].about is About.PERSON
    assert found["teams"].about is About.PERSON


# --- laws ---------------------------------------------------------------------------------------

TEXTS = st.text(min_size=9, max_size=40).filter(lambda text: text.strip() == text)


@given(
    st.sampled_from(["users", "products", "suppliers", "t_9", "订单"]),
    st.lists(
        st.tuples(st.text(min_size=1, max_size=12), st.lists(TEXTS, max_size=8)),
        min_size=1,
        max_size=4,
        unique_by=lambda pair: pair[0],
    ),
)
def test_every_column_gets_one_guess_and_no_value_leaks(
    name: str, columns: list[tuple[str, list[str]]]
) -> None:
    found = guess(TableSeen(name, tuple(seen(c, *v) for c, v in columns)))[name]
    assert set(found.columns) == {column for column, _ in columns}
    for column, texts in columns:
        made = found.columns[column]
        assert 0 <= made.confidence <= 1
        assert made.evidence
        for text in texts:
            assert text not in " ".join(made.evidence) or text in column


def test_samples_do_not_show_in_a_printed_column() -> None:
    assert "13800138000" not in repr(seen("phone", "13800138000"))
