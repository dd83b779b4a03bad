"""Breaks of what keeps the clauses about orders, vouchers, the courier, staff and support."""

from tests.sabotage.breaking import Sabotage

BREAKS = (
    Sabotage(
        "shop_journeys",
        "what was received is never done",
        "troth_shop/order_states.py",
        "Step.FINISH: {_S.HANDED_OVER: _S.DONE, _S.DONE: _S.DONE}",
        "Step.FINISH: {_S.HANDED_OVER: _S.HANDED_OVER, _S.DONE: _S.DONE}",
        "shop/web/test_journeys.py::"
        "test_a_new_customer_with_every_permission_off_buys_pays_asks_and_leaves",
    ),
    Sabotage(
        "checkout_minimal",
        "a name is kept of who picks up",
        "troth_shop/orders.py",
        "        recipient = None\n",
        '        recipient = Recipient("-", "-", "-")\n',
        "shop/test_orders.py::test_pick_up_asks_and_stores_no_name_address_or_phone",
    ),
    Sabotage(
        "extra_fields_dropped",
        "a note that no form has is kept with the address",
        "troth_shop/orders.py",
        '                address=fields.text(form, "recipient_address", most=200),\n',
        '                address=fields.text(form, "recipient_address", most=200)\n'
        '                + form.get("note", ""),\n',
        "shop/test_orders.py::test_fields_that_checkout_does_not_declare_are_dropped",
    ),
    Sabotage(
        "voucher_separate_consent",
        "a picture is taken in without its own consent",
        "troth_shop/vouchers.py",
        '    permit(t, person, "check_voucher", via.value, "take_payment")\n',
        '    permit(t, person, via.value, "take_payment")\n',
        "shop/test_vouchers.py::test_a_voucher_needs_separate_consent_and_the_way_it_came",
    ),
    Sabotage(
        "voucher_cleaned",
        "the place in the picture is kept",
        "troth_shop/voucher_picture.py",
        '    fresh.save(written, "JPEG", quality=85)\n',
        '    fresh.save(written, "JPEG", quality=85, exif=opened.getexif())\n',
        "shop/test_vouchers.py::test_place_device_profile_comment_and_tail_are_gone",
    ),
    Sabotage(
        "courier_separate_consent",
        "ordering counts as consent to the courier",
        "troth_shop/orders.py",
        '        permit(t, person, "share_with_courier")\n',
        '        permit(t, person, "register_account")\n',
        "shop/test_orders.py::test_the_courier_needs_the_consent_that_names_it",
    ),
    Sabotage(
        "courier_separate_consent",
        "a parcel goes out after the withdrawal",
        "troth_shop/courier/__init__.py",
        "    if not decision:\n        raise NotPermitted(PURPOSE, decision)\n",
        "",
        "shop/test_courier.py::test_who_withdrew_before_sending_is_not_handed_over_and_can_pick_up",
    ),
    Sabotage(
        "courier_declared_fields",
        "the courier learns the number of the order",
        "troth_shop/courier/__init__.py",
        "        tracking_id = courier.take(parcel)\n",
        '        tracking_id = courier.take({**parcel, "order": order_id})\n',
        "shop/test_courier.py::test_the_courier_receives_the_declared_fields_and_no_other",
    ),
    Sabotage(
        "courier_declared_fields",
        "what is sent is written down beside the policy",
        "troth_shop/courier/__init__.py",
        "for name in policy.recipients[RECIPIENT].fields}",
        "for name in SOURCE_OF}",
        "shop/test_courier.py::test_the_payload_follows_the_policy_and_an_unknown_field_stops_it",
    ),
    Sabotage(
        "staff_role_page",
        "a customer may open the pages of staff",
        "troth_shop/web/caller.py",
        "    if caller.staff is None:\n",
        "    if caller.staff is None and caller.session is None:\n",
        "shop/web/test_doors.py::test_a_customer_is_no_staff_and_staff_are_no_customer",
    ),
    Sabotage(
        "staff_role_page",
        "every role may do the work of every other",
        "troth_shop/staff.py",
        "    if role is None or purpose not in role.sees.get(category, ()):\n",
        "    if role is None:\n",
        "shop/test_staff.py::test_each_role_does_its_own_and_no_other",
    ),
    Sabotage(
        "staff_role_page",
        "the cashier is told who pays",
        "troth_shop/staff.py",
        "            row.reference,\n            tuple(lines[row.order_id]),\n",
        '            f"{row.reference} {row.pii_principal_id}",\n'
        "            tuple(lines[row.order_id]),\n",
        "shop/test_staff.py::test_the_cashier_sees_payments_and_nothing_that_says_who",
    ),
    Sabotage(
        "support_case",
        "the case of another person opens by its number",
        "troth_shop/queries.py",
        "select(table).where(table.c.case_id == case_id, table.c.pii_principal_id == person)\n"
        '    )\n\n\n@under("answer_support")\ndef lock_case',
        "select(table).where(table.c.case_id == case_id)\n"
        '    )\n\n\n@under("answer_support")\ndef lock_case',
        "shop/test_support.py::test_the_case_of_another_person_does_not_exist",
    ),
)
