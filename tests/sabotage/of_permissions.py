"""Breaks of what keeps the clauses about permissions."""

from tests.sabotage.breaking import Sabotage

_DEVICES = "shop/web/test_devices.py::"

BREAKS = (
    Sabotage(
        "permissions_off",
        "whoever was never asked has allowed it",
        "troth/core/access.py",
        '        return Decision(False, rule.clause, Reason.NEVER_ASKED, "")\n',
        '        return Decision(True, rule.clause, Reason.NEVER_ASKED, "")\n',
        _DEVICES + "test_control_is_there_only_while_allowed_and_the_other_way_always",
    ),
    Sabotage(
        "permissions_off",
        "the scanner opens the camera for everybody",
        "troth_shop/web/scan.py",
        '    paste = shop.offer(request, "paste_text")\n',
        '    paste = shop.offer(request, "paste_text")\n'
        '    shop.privacy.open_feature(request, "camera")\n',
        "browser/test_permission_table.py::test_header_refuses_though_the_browser_was_told_yes",
    ),
    Sabotage(
        "refusal_harmless",
        "paying by reference needs the clipboard",
        "troth_shop/web/orders.py",
        '    """Take the reference of a transfer."""\n',
        '    """Take the reference of a transfer."""\n'
        '    shop.privacy.require(request, "paste_text")\n',
        "shop/web/test_journeys.py::"
        "test_a_new_customer_with_every_permission_off_buys_pays_asks_and_leaves",
    ),
    Sabotage(
        "undeclared_features_denied",
        "the place of the device is denied no more",
        "troth/web/headers.py",
        '    "geolocation",\n',
        "",
        "shop/web/test_headers.py::test_every_kind_of_answer_denies_features_and_foreign_code",
    ),
    Sabotage(
        "undeclared_features_denied",
        "every page may fill the screen",
        "troth/web/headers.py",
        "'(self)' if name in opened else '()'",
        "'(self)' if name in opened or name == 'fullscreen' else '()'",
        "browser/test_permission_table.py::test_pages_open_no_feature_but_the_one_they_use",
    ),
    Sabotage(
        "privacy_settings_page",
        "the page says on whatever was answered",
        "troth/web/templates/privacy/settings.html",
        """<dd>{{ _("On") if card.on else _("Off") }}</dd>""",
        """<dd>{{ _("On") }}</dd>""",
        "browser/test_switches.py::test_settings_tell_the_shops_answer_and_the_browsers_apart",
    ),
    Sabotage(
        "privacy_settings_page",
        "its link in the settings leads elsewhere",
        "troth_shop/web/templates/my_settings.html",
        "url('/my/settings/privacy')",
        "url('/my/sessions')",
        "browser/test_pages_for_everybody.py::"
        "test_privacy_settings_are_at_most_four_clicks_from_the_first_page",
    ),
    Sabotage(
        "uses_counted",
        "a use is allowed and not counted",
        "troth/app.py",
        "        if decision.allowed:\n            now = self.kit.clock.now()\n",
        "        if not decision:\n            now = self.kit.clock.now()\n",
        _DEVICES + "test_a_use_is_counted_while_allowed_and_refused_before_and_after",
    ),
    Sabotage(
        "camera_on_device",
        "the camera stays open after the reading",
        "troth_shop/web/static/js/camera.js",
        "    for (const track of this.#stream.getTracks()) track.stop();\n",
        "",
        "browser/test_scan.py::test_camera_closes_when_the_person_says_so",
    ),
    Sabotage(
        "camera_on_device",
        "a code of anybody leads away",
        "troth_shop/web/static/js/scan.js",
        "  return /[?&]code=(\\d{13})(?:&|$)/.exec(text)?.[1] ?? null;\n",
        "  return /[?&]code=(\\d{13})(?:&|$)/.exec(text)?.[1] ?? text;\n",
        "browser/test_scan.py::test_code_of_somebody_else_leads_nowhere",
    ),
    Sabotage(
        "file_picker_only",
        "a file is saved for who never allowed it",
        "troth_shop/web/orders.py",
        '    shop.privacy.require(request, "choose_file")\n',
        "",
        _DEVICES + "test_a_receipt_is_a_page_for_everybody_and_a_file_for_who_allowed_it",
    ),
    Sabotage(
        "file_picker_only",
        "the dialog takes many files at once",
        "troth_shop/web/templates/pay.html",
        '{"accept": "image/jpeg,image/png,image/webp"}',
        '{"accept": "image/jpeg,image/png,image/webp", "multiple": ""}',
        "browser/test_refusals.py::test_only_one_file_is_asked_for_and_no_folder",
    ),
    Sabotage(
        "hotline_dial_only",
        "the page dials by itself",
        "troth_shop/web/static/js/uses.js",
        'for (const link of document.querySelectorAll("a[data-uses]")) {\n',
        'for (const link of document.querySelectorAll("a[data-uses]")) {\n'
        "  countUse(link.dataset.uses).then(() => link.click());\n",
        "browser/test_refusals.py::test_hotline_link_dials_the_hotline_and_nothing_dials_by_itself",
    ),
    Sabotage(
        "network_in_memory",
        "the speed of the network is sent along",
        "troth_shop/web/static/js/pictures.js",
        "await countUse(script.dataset.usesPictures)",
        'await countUse(script.dataset.usesPictures + "?at=" + network.effectiveType)',
        "browser/test_refusals.py::test_network_state_is_neither_sent_nor_stored",
    ),
    Sabotage(
        "device_id_per_case",
        "the number outlives its case",
        "troth_shop/support.py",
        "closed_at=now(t), support_device_id=None",
        "closed_at=now(t)",
        "shop/test_support.py::test_the_number_is_random_resettable_and_goes_with_the_case",
    ),
    Sabotage(
        "device_id_per_case",
        "no case opens without permission for the number",
        "troth_shop/support.py",
        "purposes = shown_under(t, person) if new.device else SUPPORT_PURPOSES",
        "purposes = SUPPORTING if new.device else SUPPORT_PURPOSES",
        "shop/test_support.py::test_without_permission_no_number_is_made_and_the_case_opens",
    ),
    Sabotage(
        "clipboard_per_click",
        "the clipboard is read when the page opens",
        "troth_shop/web/static/js/paste.js",
        "  button.hidden = false;\n",
        "  button.hidden = false;\n  navigator.clipboard.readText().catch(() => {});\n",
        "browser/test_clipboard.py::test_clipboard_is_read_once_per_click_and_never_while_idle",
    ),
    Sabotage(
        "clipboard_per_click",
        "the text that was pasted is sent away",
        "troth_shop/web/static/js/paste.js",
        '      status.textContent = "";\n',
        '      status.textContent = "";\n      fetch("/search?q=" + encodeURIComponent(text));\n',
        "browser/test_clipboard.py::test_canary_is_read_per_click_only_and_left_nowhere",
    ),
)
