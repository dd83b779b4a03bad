"""The settings of a deployment: where its data, keys, log and database lie. Nothing else is set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL


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
    """

    data: Path
    database_url: str
    owner_url: str
    keys: Path
    log: Path
    checkpoints: Path
    log_name: str

    @classmethod
    def of(cls, data: Path, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the deployment in ``data``, read from the environment."""
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
        )
