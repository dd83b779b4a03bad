"""The disk under the files: what was made or renamed is still there after the power went out."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk, where the file system can do that.

    Raises:
        OSError: the disk failed, or there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # what a file system answers that cannot sync a folder
            raise
    finally:
        os.close(descriptor)
