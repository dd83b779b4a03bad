"""A folder is synced, or its file system cannot do that; a disk that fails is told."""

import errno
import os
from pathlib import Path

import pytest

from troth.store.disk import sync_folder


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No file system here fails on demand, so the call itself does."""

    def fail(_: int) -> None:
        raise OSError(request.param, "as a disk says it")

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("failing", [errno.EINVAL], indirect=True)
def test_a_file_system_that_cannot_sync_folders_stops_nobody(tmp_path: Path) -> None:
    sync_folder(tmp_path)


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("failing", [errno.EIO, errno.ENOSPC], indirect=True)
def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="as a disk says it"):
        sync_folder(tmp_path)


def test_what_is_no_folder_cannot_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")
