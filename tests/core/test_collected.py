"""The two lists of what is collected: declared, and observed; the first holds the second."""

from dataclasses import replace

import pytest

from tests.builders import NOW, draft
from troth import Policy, PurposeId
from troth.core.collected import Collected, Origin, UseCount, collected, declared, undeclared
from troth.core.policy import Necessity

COUNT = UseCount("keep_account", ("mobile",), 1, 3, 1, NOW)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


@pytest.mark.promise("S-19")
def test_the_declared_list_has_every_category_of_every_purpose(policy: Policy) -> None:
    lines = declared(policy)
    assert {(d.purpose, d.category) for d in lines} == {
        (purpose.id, category)
        for purpose in policy.purposes.values()
        for category in purpose.categories
    }
    (parcel,) = [line for line in lines if line.purpose == "ship_parcel"]
    assert (parcel.recipients, parcel.retention, parcel.sensitive) == (("carrier",), "life", False)
    assert (parcel.necessity, parcel.clause) == (Necessity.NECESSARY, "shipping")


def test_a_recipient_stands_only_beside_the_categories_it_receives() -> None:
    more = draft().change(
        "categories: {street: necessary}",
        "categories: {street: necessary, orders: optional}",
        at="ship_parcel:",
    )
    lines = {d.category: d.recipients for d in declared(more.policy()) if "ship" in d.purpose}
    assert lines == {"street": ("carrier",), "orders": ()}


@pytest.mark.promise("S-19")
def test_the_observed_list_adds_up_by_purpose_and_category(policy: Policy) -> None:
    counts = [COUNT, replace(COUNT, categories=("mobile", "orders"), times=2, last_at=NOW + 9)]
    lines = collected(counts, {"scan_code": (4, NOW + 1), "gone": (1, NOW)}, policy)
    assert lines == (
        Collected("keep_account", "mobile", 5, 2, NOW + 9, Origin.LENS),
        Collected("keep_account", "orders", 2, 1, NOW + 9, Origin.LENS),
        Collected("scan_code", "frames", 4, 0, NOW + 1, Origin.PERMISSION),
    )


@pytest.mark.promise("S-19")
@pytest.mark.control("collected_lists")
def test_what_was_used_and_not_declared_is_found_under_its_own_version(policy: Policy) -> None:
    narrower = replace(policy, purposes={PurposeId("send_news"): policy.purposes["send_news"]})  # type: ignore[index]

    def at(ordinal: int) -> Policy:
        return {1: policy, 2: narrower}[ordinal]

    assert undeclared([COUNT], at) == ()
    assert undeclared([replace(COUNT, policy_ordinal=2)], at) == (("keep_account", "mobile"),)
    assert undeclared([replace(COUNT, categories=("street", "mobile"))], at) == (
        ("keep_account", "street"),
    )
