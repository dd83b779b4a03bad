"""The settings of a deployment: where its data, keys, log and database lie, and in which region."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from troth.core.errors import InputError

SECURITY_LOG_DAYS = 400
"""For how long the security log is kept unless set otherwise: a year and a month."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment.

    Args:
        data: its folder; everything below lies in it unless set otherwise.
        database_url: SQLAlchemy URL that the application uses (``TROTH_DATABASE_URL``).
        owner_url: URL of the owner of the schema, for migrations (``TROTH_OWNER_URL``).
        keys: folder of the keys (``TROTH_KEYS``); never in the database, nor in its backups.
        log: folder where the provable log is published (``TROTH_LOG``).
        checkpoints: file outside the database that every checkpoint is appended to
            (``TROTH_CHECKPOINTS``); on another disk or machine if you have one.
        log_name: name of the log in its signatures (``TROTH_LOG_NAME``).
        region: where this deployment runs (``TROTH_REGION``), as the policy's storage names it;
            data declared for another region, or for any while this is empty, does not open.
        security_log: folder of the security log (``TROTH_SECURITY_LOG``).
        security_log_days: for how many days it is kept (``TROTH_SECURITY_LOG_DAYS``); less than
            the law asks for does not start.
    """

    data: Path
    database_url: str
    owner_url: str
    keys: Path
    log: Path
    checkpoints: Path
    log_name: str
    region: str = ""
    security_log: Path = Path("security-log")
    security_log_days: int = SECURITY_LOG_DAYS

    @classmethod
    def of(cls, data: Path, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the deployment in ``data``, read from the environment.

        Raises:
            InputError: a number is none.
        """
        env = os.environ if environment is None else environment
        data = data.resolve()
        # Made, not written: a folder's name may hold characters that mean something in a URL.
        file = URL.create("sqlite", database=str(data / "troth.db")).render_as_string()
        url = env.get("TROTH_DATABASE_URL") or file
        return cls(
            data=data,
            database_url=url,
            owner_url=env.get("TROTH_OWNER_URL") or url,
            keys=Path(env.get("TROTH_KEYS") or data / "keys"),
            log=Path(env.get("TROTH_LOG") or data / "log"),
            checkpoints=Path(env.get("TROTH_CHECKPOINTS") or data / "checkpoints.log"),
            log_name=env.get("TROTH_LOG_NAME") or "troth.example/log",
            region=env.get("TROTH_REGION") or "",
            security_log=Path(env.get("TROTH_SECURITY_LOG") or data / "security-log"),
            security_log_days=_days("TROTH_SECURITY_LOG_DAYS", env) or SECURITY_LOG_DAYS,
        )


def _days(name: str, env: Mapping[str, str]) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text)):
        raise InputError(f"{name} is a number of days, from 1 to 99999")
    return int(text)
