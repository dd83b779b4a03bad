"""The door for an application that has rows already: seal what lies there in plain text.

seal_existing(Settings.of(folder), Path("datamap.yaml"), "customer.phone")
"""

from troth.app import seal_existing
from troth.flows.seal_existing import SealedColumn

__all__ = ["SealedColumn", "seal_existing"]
