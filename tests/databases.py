"""Databases of the tests: each test has its own, empty or copied from one made once in this run.

A copy is as good as what it was copied from: SQLite keeps a database in a file, and PostgreSQL
makes every database as a copy of another. What is about migrations, roles or crashes takes an
empty one all the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from sqlalchemy import URL, make_url

from tests.servers import PostgresDatabase, PostgresServer

Kind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class TestDatabase:
    """A database for one test.

    Attributes:
        kind: which of the two databases it is.
        owner_url: for SQLAlchemy; may create and own tables (migrations run as this).
        app_url: for SQLAlchemy; the role the application runs as, which owns nothing. The same
            as `owner_url` on SQLite, which knows no roles.
        folder: a folder of this test on disk; on SQLite the file lies in it, else it is empty.
        migrated: whether troth's tables are there already; it is empty otherwise.
    """

    __test__: ClassVar[bool] = False

    kind: Kind
    owner_url: str
    app_url: str
    folder: Path
    migrated: bool = False

    @classmethod
    def of_file(cls, folder: Path) -> TestDatabase:
        """Return a database of SQLite in a folder; the file comes with the first migration."""
        url = URL.create("sqlite", database=str(folder / "troth.db")).render_as_string()
        return cls(kind="sqlite", owner_url=url, app_url=url, folder=folder)

    @classmethod
    def of_server(cls, made: PostgresDatabase, folder: Path) -> TestDatabase:
        """Return a database of PostgreSQL."""
        return cls(kind="postgresql", owner_url=made.owner_url, app_url=made.app_url, folder=folder)

    @property
    def app_role(self) -> str:
        """The role of the application; empty on SQLite."""
        return (make_url(self.app_url).username or "") if self.kind == "postgresql" else ""

    @property
    def file(self) -> Path:
        """The file of SQLite."""
        return self.folder / "troth.db"


@contextmanager
def empty_database(server: PostgresServer | None, folder: Path) -> Iterator[TestDatabase]:
    """Make an empty database: of SQLite where no server is given, whose file comes later."""
    folder.mkdir()
    if server is None:
        yield TestDatabase.of_file(folder)
        return
    with server.fresh_database() as made:
        yield TestDatabase.of_server(made, folder)


@dataclass
class Template:
    """A database that is filled when the first copy is asked for, once on each kind.

    Attributes:
        fill: puts into an empty database what every copy shall hold, and closes every connection.
        folder: an empty folder for the databases that are copied.
    """

    fill: Callable[[TestDatabase], None]
    folder: Path
    _filled: dict[Kind, str] = field(default_factory=dict)

    @contextmanager
    def copy(self, server: PostgresServer | None, folder: Path) -> Iterator[TestDatabase]:
        """Make a copy for one test: of SQLite where no server is given."""
        kind: Kind = "sqlite" if server is None else "postgresql"
        if kind not in self._filled:
            self._filled[kind] = self._fill(kind, server)
        folder.mkdir()
        if server is None:
            made = TestDatabase.of_file(folder)
            # Looks lie in a file of their own.
            for file in Path(self._filled[kind]).parent.glob("*.db"):
                shutil.copyfile(file, folder / file.name)
            yield replace(made, migrated=True)
            return
        with server.fresh_database(template=self._filled[kind]) as copied:
            yield replace(TestDatabase.of_server(copied, folder), migrated=True)

    def _fill(self, kind: Kind, server: PostgresServer | None) -> str:
        """Return the file, or the name on the server, of a database that was filled."""
        place = self.folder / kind
        place.mkdir()
        if server is None:
            made = TestDatabase.of_file(place)
            self.fill(made)
            # The last connection that closed put everything from the journal into the file.
            assert [path.name for path in place.glob("troth.db*")] == ["troth.db"]
            return str(made.file)
        # Never dropped: the server ends with the run.
        kept = server.create_database()
        self.fill(TestDatabase.of_server(kept, place))
        return kept.name
