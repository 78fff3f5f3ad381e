"""Fixtures of the sandbox's tests: a stand-in per test, with the app installed where a test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.faces import Big, Woo
from tests.sandbox.stand import Receiver, Stand


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def bare(tmp_path: Path, receiver: Receiver) -> Iterator[Stand]:
    """A stand-in without a shop."""
    made = Stand(tmp_path / "state", receiver, bucket_size=20_000.0, restore_rate=1000.0)
    yield made
    made.close()


@pytest.fixture
def stand(bare: Stand) -> Stand:
    """A stand-in with a shop in US dollars and the app installed."""
    bare.create_shop(tax_rate="0.21", tax_title="ES VAT")
    bare.install()
    return bare


@pytest.fixture
def woo(bare: Stand) -> Woo:
    """A stand-in WooCommerce store in US dollars with a key pair of its own."""
    return Woo(bare)


@pytest.fixture
def big(bare: Stand) -> Big:
    """A stand-in BigCommerce store in US dollars with the app installed."""
    return Big(bare)
