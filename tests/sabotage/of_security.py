"""Breaks of what keeps the clauses about security."""

from tests.sabotage.breaking import Sabotage

BREAKS = (
    Sabotage(
        "passwords_hashed",
        "the password is kept as it was typed",
        "troth_shop/passwords.py",
        "    return _ARGON2.hash(secret)\n",
        "    return secret\n",
        "shop/test_accounts.py::test_passwords_are_kept_as_argon2id_digests",
    ),
    Sabotage(
        "sessions_revocable",
        "a log-in that was ended goes on",
        "troth_shop/sessions.py",
        "        queries.set_session(c, person, session_id, ended_at=now(t))\n",
        "        queries.set_session(c, person, session_id, last_seen_at=now(t))\n",
        "shop/test_sessions.py::test_sessions_are_listed_named_and_ended_one_by_one_or_all",
    ),
    Sabotage(
        "codes_limited",
        "a code can be guessed without end",
        "troth_shop/codes.py",
        "            and row.tries < MOST_TRIES\n",
        "",
        "shop/test_accounts.py::test_a_code_is_spent_after_five_wrong_tries",
    ),
    Sabotage(
        "codes_limited",
        "a code does not expire",
        "troth_shop/codes.py",
        "            and 0 <= now(t) - row.created_at < LIFE_SECONDS * SECOND\n",
        "",
        "shop/test_accounts.py::test_a_code_ends_after_five_minutes",
    ),
    Sabotage(
        "no_foreign_code",
        "scripts may come from anywhere",
        "troth/web/headers.py",
        "f\"default-src 'none'; script-src {script};",
        'f"default-src https:; script-src {script} https:;',
        "shop/web/test_headers.py::test_every_kind_of_answer_denies_features_and_foreign_code",
    ),
    Sabotage(
        "forms_guarded",
        "an unknown origin counts as our own",
        "troth/web/origin.py",
        "    if origin is None:\n",
        '    if origin in (None, "null"):\n        return\n    if origin is None:\n',
        "shop/web/test_doors.py::"
        "test_a_form_from_elsewhere_is_refused_everywhere_and_changes_nothing",
    ),
    Sabotage(
        "log_out_clears",
        "the session goes on after the log-out",
        "troth_shop/web/login.py",
        "        if secret:\n            sessions.log_out(shop.t, secret)\n",
        "",
        "shop/web/test_journeys.py::"
        "test_logging_out_ends_the_session_clears_the_browser_and_withdraws_nothing",
    ),
    Sabotage(
        "log_out_clears",
        "the storage of the browser is left",
        "troth_shop/web/login.py",
        """    answer.headers["Clear-Site-Data"] = '"cookies", "storage"'\n""",
        "",
        "shop/web/test_journeys.py::"
        "test_logging_out_ends_the_session_clears_the_browser_and_withdraws_nothing",
    ),
    Sabotage(
        "backup_command",
        "the copy is made of nothing",
        "troth/store/backup.py",
        "            old.backup(new, pages=4096)\n",
        '            sqlite3.connect(":memory:").backup(new, pages=4096)\n',
        "cli/test_cli.py::test_backup_writes_a_copy_that_verifies_and_never_overwrites",
    ),
    Sabotage(
        "tamper_evident_log",
        "an event that was edited is believed",
        "troth/flows/ledger_verify.py",
        "        if expected == leaf.entry:\n            return\n",
        "        if leaf.entry:\n            return\n",
        "cli/test_cli.py::test_whatever_was_tampered_with_ends_the_check_with_1",
    ),
    Sabotage(
        "tamper_evident_log",
        "the checkpoints kept outside are not looked at",
        "troth/flows/ledger_verify.py",
        "    given = deque(_outside_heads(outside, keys,",
        "    given = deque(_outside_heads((), keys,",
        "flows/test_ledger.py::"
        "test_cutting_leaves_and_checkpoints_together_is_found_only_from_outside",
    ),
)
