"""Running stores for a whole test session. All tests here are marked `store` and run by `make test-stores` alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.rig import Rig, running

SECONDS = 400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.store)
            # Without the fixtures: on a busy machine a store's first start takes minutes.
            item.add_marker(pytest.mark.timeout(SECONDS, func_only=True))


@pytest.fixture(scope="session")
def medusa_store() -> Iterator[Rig]:
    """A real Medusa 2, empty but for the plug-in of ours; its administrator is the rig's."""
    with running("medusa") as rig:
        yield rig


@pytest.fixture(scope="session")
def vendure_store() -> Iterator[Rig]:
    """A real Vendure 3 with the sample catalog that its own package ships."""
    with running("vendure") as rig:
        yield rig
