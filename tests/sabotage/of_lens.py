"""Breaks of the data map's gate, the lens, sealing, and the assessment before a start."""

from tests.sabotage.breaking import Sabotage

_DDL = "troth/store/lens_sqlite_ddl.py"
_GUARD = "troth/store/lens_sqlite_guard.py"
_ATTACKS = "store/test_lens_sqlite_attacks.py"
_ORDINARY = "store/test_lens_sqlite_ordinary.py"

BREAKS = (
    # --- the gate on drift --------------------------------------------------------------------
    Sabotage(
        "data_map_gate",
        "the database may differ from the map at a start",
        "troth/governed.py",
        "            raise DataMapError(found)\n",
        "            pass\n",
        "shop/test_governed.py::test_a_database_that_differs_from_the_map_does_not_start",
    ),
    Sabotage(
        "data_map_gate",
        "tables that nobody mapped are not looked at",
        "troth/core/drift.py",
        "    told = [*_unmapped_tables(stores, live)]\n",
        "    told = []\n",
        "shop/test_datamap.py::test_id_card_column_and_newsletter_table_are_named",
    ),
    # --- the lens -----------------------------------------------------------------------------
    Sabotage(
        "purpose_lens",
        "rows of people who did not permit it are shown",
        _DDL,
        'f"temp.{quoted(self.names.permitted)} w WHERE w.pii_principal_id = {person})"\n',
        'f"temp.{quoted(self.names.permitted)} w) OR {person} IS NOT NULL"\n',
        f"{_ATTACKS}::test_rows_of_people_who_did_not_permit",
    ),
    Sabotage(
        "purpose_lens",
        "a joint lens opens for whoever permits its first purpose",
        _DDL,
        "            for n, other in enumerate(others)\n        )\n\n    def _views",
        "            for n, other in enumerate(())\n        )\n\n    def _views",
        f"{_ATTACKS}::test_a_joint_lens_without_one_of_its_purposes",
    ),
    Sabotage(
        "purpose_lens",
        "columns outside the purpose are shown",
        _DDL,
        '            return f"NULL AS {name}"\n',
        '            return f"b.{name}"\n',
        f"{_ATTACKS}::test_columns_outside_the_purpose",
    ),
    Sabotage(
        "purpose_lens",
        "a purpose opens after it was withdrawn",
        "troth/flows/lens.py",
        "    refused = _closed(kit, known, lenses.store, uses) or denied\n",
        "    refused = _closed(kit, known, lenses.store, uses)\n",
        "flows/test_lens.py::test_a_withdrawal_that_was_acknowledged_closes_the_next_use",
    ),
    Sabotage(
        "purpose_lens",
        "columns are read past the authorizer by a join by name",
        _GUARD,
        '    if "USING" in words or "NATURAL" in words:\n',
        '    if "USING NATURAL" in words:\n',
        f"{_ATTACKS}::test_a_join_by_name_whose_columns_nobody_asks_about",
    ),
    Sabotage(
        "purpose_lens",
        "the application's own connections read base tables",
        "troth/store/guard.py",
        '    return table.endswith(BASE_SUFFIX) or table.startswith("sqlite_stat")\n',
        '    return table.startswith("sqlite_stat")\n',
        f"{_ORDINARY}::test_base_tables_by_name_quoted_and_qualified",
    ),
    Sabotage(
        "purpose_lens",
        "a finder reads whatever column is asked for",
        "troth/store/finders.py",
        "            for column in (finder.person, finder.by, *finder.tells)\n",
        '            for column in (finder.person, finder.by, *finder.tells, "email")\n',
        "store/test_finders.py::test_the_connection_of_finders_reads_their_columns_and_does_nothing_else",
    ),
    Sabotage(
        "purpose_lens",
        "purposes open together that nobody declared together",
        "troth/flows/lens.py",
        "    if name not in lenses.names:\n",
        '    if name == "":\n',
        "flows/test_lens.py::test_purposes_that_are_not_declared_together_have_no_lens",
    ),
    Sabotage(
        "purpose_lens",
        "data of another region opens",
        "troth/flows/lens.py",
        "    if not is_at_home:  # S-45\n",
        "    if is_at_home is None:\n",
        "flows/test_lens.py::test_data_declared_for_another_region_does_not_open_here",
    ),
    # --- sealing ------------------------------------------------------------------------------
    Sabotage(
        "sealed_columns",
        "a use of one person opens the values of others",
        "troth/store/sealed_type.py",
        "        if place is None or self._person not in (None, person):\n",
        "        if place is None:\n",
        "store/test_sealed_type.py::test_a_use_of_one_person_opens_and_seals_for_nobody_else",
    ),
    Sabotage(
        "sealed_columns",
        "everybody has the same key",
        "troth/adapters/person_keys.py",
        "wrap(wrapping, os.urandom(KEY_BYTES)))\n",
        "wrap(wrapping, bytes(KEY_BYTES)))\n",
        "adapters/test_person_keys.py::test_a_person_has_one_random_key_of_their_own",
    ),
    Sabotage(
        "sealed_columns",
        "a sealed value is bound to no person",
        "troth/core/sealing.py",
        "        return self.bound + _with_length(person)\n",
        "        return self.bound\n",
        "core/test_sealing.py::test_swapped_ciphertext_is_an_error_and_names_no_value",
    ),
    Sabotage(
        "sealed_columns",
        "a lens takes values in the open",
        _DDL,
        "        if column in table.sealed:\n            value =",
        "        if column in ():\n            value =",
        "store/test_lens_sqlite.py::"
        "test_sealed_columns_are_marked_with_their_person_and_written_only_sealed",
    ),
    Sabotage(
        "sealed_columns",
        "a destroyed key is given out from memory",
        "troth/adapters/person_keys.py",
        "        for attempt in range(5):\n",
        "        if (owner, generation) in self._unwrapped:\n"
        "            return self._unwrapped[owner, generation][1]\n"
        "        for attempt in range(5):\n",
        "adapters/test_person_keys.py::test_a_key_destroyed_elsewhere_is_not_given_out_from_memory",
    ),
    Sabotage(
        "sealed_columns",
        "the key of an epoch that is over stays on the disk",
        "troth/adapters/person_keys.py",
        "        self._epochs.destroy(epoch)\n",
        "",
        "adapters/test_person_keys.py::"
        "test_yesterdays_backup_opens_nothing_when_the_epoch_has_passed",
    ),
    Sabotage(
        "sealed_columns",
        "the number of a parcel spells out the phone",
        "troth_shop/orders.py",
        '            parcel_number=f"ZH{secrets.randbelow(10**10):010d}",\n',
        '            parcel_number=f"ZH{checkout.recipient.phone}",\n',
        "shop/test_looks_of_shop.py::test_who_holds_the_files_of_the_database_reads_no_sealed_word",
    ),
    Sabotage(
        "sealed_columns",
        "pictures of payments lie on the disk in the open",
        "troth_shop/vouchers.py",
        "_write(folder, row.voucher_id, seal_file(c, PLACE, row.voucher_id, picture))\n",
        "_write(folder, row.voucher_id, picture)\n",
        "shop/test_vouchers.py::"
        "test_a_voucher_is_a_private_file_and_a_row_and_puts_the_order_up_for_checking",
    ),
    # --- assessments --------------------------------------------------------------------------
    Sabotage(
        "assessment_before_start",
        "a purpose opens without the assessment that is due",
        "troth/flows/lens.py",
        "    return Refusal.ASSESSMENT_DUE if assessment_due(policy, purpose, today) else None\n",
        "    return None\n",
        "flows/test_lens.py::"
        "test_a_purpose_whose_assessment_is_due_and_missing_is_refused_before_a_connection",
    ),
    Sabotage(
        "assessment_before_start",
        "an assessment stands for ever",
        "troth/core/assessment.py",
        "    return Gap.OVER if any(a.review_by < today for a in newest) else None\n",
        "    return None\n",
        "core/test_assessment.py::"
        "test_an_assessment_opens_from_its_day_to_its_last_and_not_a_day_longer",
    ),
)
