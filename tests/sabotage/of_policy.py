"""Breaks of what keeps the clauses about the policy itself."""

from tests.sabotage.breaking import Sabotage

BREAKS = (
    Sabotage(
        "policy_compiles",
        "a policy without complaint route compiles",
        "troth/core/model_rules.py",
        "    _complaints_have_a_clock_and_a_way_out,\n",
        "",
        "core/test_compile.py::test_one_fault_gives_exactly_its_finding",
    ),
    Sabotage(
        "policy_compiles",
        "the shop uses a category that nobody declared",
        "troth_shop/policy/policy.yaml",
        "      session_record: necessary\n",
        "      session_recording: necessary\n",
        "core/test_policy_files.py::test_the_policy_compiles_and_only_pending_controls_are_found",
    ),
    Sabotage(
        "policy_readable",
        "the lint finds no vague word any more",
        "troth/core/lint/__init__.py",
        "    permissions,\n    wording,\n)\n\nRULES",
        "    permissions,\n)\n\nRULES",
        "core/lint/test_lint_rules.py::test_one_fault_gives_exactly_that_rule",
    ),
    Sabotage(
        "policy_readable",
        "the summary promises with an open list",
        "troth_shop/policy/en.md",
        "Your personal information is processed by {{controller:name}}",
        "We may use your data for purposes such as marketing, etc. It is processed by "
        "{{controller:name}}",
        "promises/test_wording.py::test_our_own_policy_has_no_word_that_its_lint_warns_of",
    ),
    Sabotage(
        "policy_archive",
        "an old version shows the text of the newest",
        "troth/flows/policy.py",
        "        if known.version == version:\n"
        "            return recompile(known.sources).require()\n",
        "        if known.version == version:\n"
        "            return recompile(read_versions(kit)[-1].sources).require()\n",
        "flows/test_policy.py::test_every_published_version_can_be_read_word_for_word",
    ),
    Sabotage(
        "policy_archive",
        "the foot of the page has no link to the policy",
        "troth_shop/web/templates/base.html",
        """<li><a href="{{ url('/privacy/policy') }}">""",
        """<li hidden><a href="{{ url('/privacy/policy') }}">""",
        "browser/test_first_visit.py::test_policy_is_one_click_away_on_the_first_page",
    ),
    Sabotage(
        "change_classified",
        "a new recipient asks nobody",
        "troth/core/diff.py",
        'if section in ("purposes", "recipients", "categories", "storage", "roles") and b is None:',
        'if section in ("purposes", "recipients", "categories", "storage", "roles"):',
        "core/test_diff.py::test_a_new_recipient_asks_those_it_touches_and_no_one_else",
    ),
    Sabotage(
        "roles_declared",
        "a category that nobody may see compiles",
        "troth/core/model_rules.py",
        "if all(category.id not in role.sees for role in policy.roles.values()):",
        "if not policy.roles:",
        "promises/test_declared.py::test_a_category_that_no_role_may_see_does_not_compile",
    ),
    Sabotage(
        "region_declared",
        "a place of storage abroad compiles",
        "troth/core/model_rules.py",
        "    _storage_lies_at_home,\n",
        "",
        "promises/test_declared.py::test_a_place_of_storage_abroad_does_not_compile",
    ),
    Sabotage(
        "region_declared",
        "a recipient abroad compiles",
        "troth/core/model_rules.py",
        "    _recipients_lie_at_home,\n",
        "",
        "promises/test_declared.py::test_a_recipient_abroad_does_not_compile",
    ),
    Sabotage(
        "contact_block",
        "the authorities are left out",
        "troth_shop/web/templates/contact.html",
        'if channel.kind in ("complaint", "authority")',
        'if channel.kind == "complaint"',
        "shop/web/test_contact.py::test_everybody_sees_who_we_are_and_every_way_to_turn",
    ),
    Sabotage(
        "S-18",
        "a place to fill in is left in the text",
        "troth_shop/policy/en.md",
        "A mended typo disturbs nobody. ",
        "A mended typo disturbs nobody. {{{{ ",
        "core/test_policy_files.py::"
        "test_every_clause_is_written_in_both_languages_with_nothing_left_to_fill_in",
    ),
    Sabotage(
        "S-19",
        "failed log-ins are held and not shown",
        "troth_shop/my_data.py",
        '"attempts": (("secure_account", _attempts),),',
        '"attempts": (("secure_account", lambda _: []),),',
        "shop/test_my_data.py::test_every_table_about_a_person_is_in_my_data",
    ),
)
