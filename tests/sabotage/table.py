"""The whole table: every built control, and every kept promise, with a break of it."""

from tests.sabotage import (
    of_consent,
    of_lens,
    of_looks,
    of_permissions,
    of_policy,
    of_security,
    of_shop,
)

BREAKS = (
    *of_policy.BREAKS,
    *of_consent.BREAKS,
    *of_permissions.BREAKS,
    *of_shop.BREAKS,
    *of_security.BREAKS,
    *of_lens.BREAKS,
    *of_looks.BREAKS,
)
