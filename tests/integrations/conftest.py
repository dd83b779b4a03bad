"""One teahouse for each file of tests and each database; every test has people of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import empty_database
from tests.teahouse import Tea, teahouse


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def tea(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tea]:
    """The teahouse under its policy, on SQLite and on PostgreSQL."""
    server = request.getfixturevalue("postgres_server") if request.param != "sqlite" else None
    folder = tmp_path_factory.mktemp("teahouse") / "database"
    with empty_database(server, folder) as database, teahouse(database) as made:
        yield made
