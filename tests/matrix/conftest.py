"""The shop of the matrix: a process of its own, so that its counts and limits are its own."""

from collections.abc import Iterator

import pytest

from tests.browser.shop import RunningShop, running_shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The shop as its command serves it."""
    with running_shop(tmp_path_factory.mktemp("shop"), quick_digests=True) as running:
        yield running
