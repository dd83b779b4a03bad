"""Breaks of what keeps the clauses about consent and decisions."""

from tests.sabotage.breaking import Sabotage

BREAKS = (
    Sabotage(
        "no_consent_by_use",
        "opening the question counts as a yes",
        "troth/web/answering.py",
        '        context = {\n            "notice": showing.notices[0],\n',
        "        if purpose.visitors and not who.person:\n"
        "            person = troth.add_person(visitor=True)\n"
        '            troth.answer(person, name, Answer.GIVE, showing.token, shown_to="")\n'
        '        context = {\n            "notice": showing.notices[0],\n',
        "shop/web/test_visitor.py::"
        "test_first_visit_of_every_public_page_sets_no_cookie_and_writes_no_row",
    ),
    Sabotage(
        "no_consent_by_use",
        "the no of a visitor leaves a person behind",
        "troth/web/answering.py",
        "            return page  # a visitor's no is recorded nowhere",
        "            troth.add_person(visitor=True)\n            return page",
        "browser/test_switches.py::test_no_of_a_visitor_is_recorded_nowhere[refuse]",
    ),
    Sabotage(
        "visitor_without_identifiers",
        "the first page sets a cookie",
        "troth_shop/web/app.py",
        '        message["headers"] = [\n            *message["headers"],\n',
        '        message["headers"] = [\n            *message["headers"],\n'
        '            (b"set-cookie", b"seen=1; path=/"),\n',
        "shop/web/test_visitor.py::"
        "test_first_visit_of_every_public_page_sets_no_cookie_and_writes_no_row",
    ),
    Sabotage(
        "visitor_without_identifiers",
        "the browser keeps a number for the next visit",
        "troth_shop/web/static/js/tabs.js",
        'const channel = new BroadcastChannel("privacy");\n',
        'const channel = new BroadcastChannel("privacy");\n'
        'localStorage.setItem("visit", String(Math.random()));\n',
        "browser/test_first_visit.py::test_fifty_pages_leave_no_trace_of_the_visitor",
    ),
    Sabotage(
        "ask_per_purpose",
        "a separate consent is asked in a bundle",
        "troth/core/consent.py",
        "    if alone and len(purposes) > 1:\n",
        "    if alone and len(purposes) > 9:\n",
        "core/test_consent.py::test_a_separate_consent_is_shown_alone_or_not_at_all",
    ),
    Sabotage(
        "ask_per_purpose",
        "yes is chosen before the person chooses",
        "troth/web/templates/privacy/ask.html",
        '<button class="button" type="submit">{{ words }}</button>',
        """<button class="button" type="submit"{{ ' autofocus' if said == 'give' }}>"""
        "{{ words }}</button>",
        "browser/test_switches.py::test_both_answers_look_the_same_and_none_is_chosen[light]",
    ),
    Sabotage(
        "shown_text_proved",
        "anybody can write the proof of what was shown",
        "troth/core/consent.py",
        "not token.isascii() or not hmac.compare_digest(_mac(text, key), mac)",
        "not token.isascii() or not mac",
        "core/test_consent.py::test_a_token_with_any_character_changed_dropped_or_added_is_forged",
    ),
    Sabotage(
        "shown_text_proved",
        "the event names another text than was shown",
        "troth/flows/consent.py",
        "        notice_digest=snapshot.notices[said.purpose_id],\n",
        "        notice_digest=snapshot.policy_digest,\n",
        "flows/test_consent.py::test_an_event_names_the_text_its_language_its_place_and_who_acted",
    ),
    Sabotage(
        "consent_recorded",
        "the answer is committed before the row it belongs to",
        "troth/flows/consent.py",
        "        return work(connection.connection.cursor())\n",
        "        done = work(connection.connection.cursor())\n"
        "        connection.connection.commit()\n"
        "        return done\n",
        "flows/test_consent.py::test_a_host_that_rolls_back_leaves_neither_row_nor_event",
    ),
    Sabotage(
        "consent_recorded",
        "a record can be replaced",
        "troth/store/guard.py",
        "    return action == sqlite3.SQLITE_INSERT or table not in APPEND_ONLY\n",
        "    return True\n",
        "store/test_db.py::test_a_row_once_written_stays_as_it_is_whatever_the_application_tries",
    ),
    Sabotage(
        "receipts",
        "an altered answer passes the check of its receipt",
        "troth/core/receipt_check.py",
        "        return all(finding.outcome is not Outcome.FAILS for finding in self.findings)\n",
        "        return bool(self.findings)\n",
        "cli/test_cli.py::test_an_altered_receipt_does_not_hold",
    ),
    Sabotage(
        "receipts",
        "the receipt names another leaf than its own",
        "troth/flows/receipt.py",
        "    return Inclusion(leaf_index, said.tree_size,",
        "    return Inclusion(leaf_index ^ 1, said.tree_size,",
        "cli/test_cli.py::test_a_receipt_verifies_without_the_database",
    ),
    Sabotage(
        "withdraw_at_once",
        "a decision is remembered for speed",
        "troth/flows/access.py",
        "        self._state = kit.rows.state\n",
        '        self._state = __import__("functools").lru_cache(kit.rows.state)\n',
        "flows/test_access.py::test_after_an_acknowledged_withdrawal_no_process_says_yes",
    ),
    Sabotage(
        "ask_again_after_change",
        "an old answer outlives a new recipient",
        "troth/core/access.py",
        "    if ordinal is None or ordinal < rule.required:\n",
        "    if ordinal is None:\n",
        "flows/test_policy.py::"
        "test_a_new_recipient_asks_its_people_again_and_everything_else_stands",
    ),
    Sabotage(
        "ask_again_after_change",
        "another process goes on under the old policy",
        "troth/flows/access.py",
        "            if in_force is None or in_force.ordinal != row[0]:\n",
        "            if in_force is None:\n",
        "flows/test_access.py::test_another_process_publishes_and_the_next_decision_here_knows",
    ),
    Sabotage(
        "no_frequent_asking",
        "the page asks again at every visit",
        "troth_shop/web/scan.py",
        '    paste = shop.offer(request, "paste_text")\n',
        "    if not offer.allowed:\n"
        '        return shop.go(request, "/privacy/ask/scan_product")\n'
        '    paste = shop.offer(request, "paste_text")\n',
        "browser/test_first_visit.py::test_hundred_visits_after_a_refusal_ask_nothing",
    ),
    Sabotage(
        "decision_fails_closed",
        "an unreadable record is a yes",
        "troth/core/access.py",
        'return Decision(False, clause, Reason.LEDGER_UNREADABLE, "")',
        'return Decision(True, clause, Reason.LEDGER_UNREADABLE, "")',
        "store/test_db.py::test_a_locked_file_says_no_and_takes_nothing_until_it_is_free",
    ),
    Sabotage(
        "decision_fails_closed",
        "consent does not expire",
        "troth/core/access.py",
        "    if valid_until is not None and valid_until <= now:\n",
        "    if valid_until is not None and valid_until <= 0:\n",
        "flows/test_access.py::test_every_reason_is_given_where_it_holds",
    ),
    Sabotage(
        "closed_purposes",
        "a purpose that the policy does not have is allowed",
        "troth/flows/access.py",
        "            return access.UNKNOWN_PURPOSE\n        return _decide(",
        "            return access.UNKNOWN_PURPOSE._replace(allowed=True)\n        return _decide(",
        "promises/test_decisions.py::test_a_purpose_that_the_policy_does_not_have_is_no",
    ),
    Sabotage(
        "under_14_refused",
        "a child answers without the guardian",
        "troth/core/consent.py",
        "    if answer in _OPENS and role is not EntityRole.GUARDIAN:\n",
        "    if answer is Answer.ACT and role is not EntityRole.GUARDIAN:\n",
        "core/test_consent.py::"
        "test_a_child_opens_nothing_without_the_guardian_and_may_always_refuse",
    ),
    Sabotage(
        "under_14_refused",
        "a child registers",
        "troth_shop/accounts.py",
        '    if said == "no":\n        raise UnderAge\n',
        "",
        "shop/test_accounts.py::test_under_14_stores_nothing_and_sends_nothing",
    ),
    Sabotage(
        "S-04",
        "the notice does not say for how often",
        "troth/core/notice.py",
        '        phrases["notice.frequency"].format(frequency=purpose.frequency[language]),\n',
        "",
        "core/test_notice.py::"
        "test_a_notice_tells_purpose_data_period_recipients_basis_and_the_other_way",
    ),
)
