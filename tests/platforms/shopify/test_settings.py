"""Shopify's settings: what only dev may do, and that nothing secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import config
from connector.errors import ConfigurationWrong
from connector.platforms.shopify.settings import ShopifySettings

STAND_IN = "http://127.0.0.1:9000/shops/{shop}"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CONNECTOR_ENV", "SHOPIFY_ORIGIN_TEMPLATE", "SHOPIFY_CLIENT_SECRET", "SHOPIFY_API_VERSION"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_speak_to_the_real_shopify() -> None:
    settings = config.load(ShopifySettings, "SHOPIFY_")
    assert settings.api_version == "2026-10"
    assert settings.origin("sample-shop.myshopify.com") == "https://sample-shop.myshopify.com"
    assert settings.wanted_scopes() == ("read_products", "read_orders", "read_fulfillments")
    assert settings.secrets() == []


@pytest.mark.parametrize("env", [None, "production"])
def test_another_origin_is_refused_outside_dev(monkeypatch: pytest.MonkeyPatch, env: str | None) -> None:
    monkeypatch.setenv("SHOPIFY_ORIGIN_TEMPLATE", STAND_IN)
    if env:
        monkeypatch.setenv("CONNECTOR_ENV", env)
    with pytest.raises(ConfigurationWrong) as wrong:
        config.load(ShopifySettings, "SHOPIFY_")
    assert wrong.value.setting == "SHOPIFY_ORIGIN_TEMPLATE"


def test_another_origin_is_taken_in_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPIFY_ORIGIN_TEMPLATE", STAND_IN)
    monkeypatch.setenv("CONNECTOR_ENV", "dev")
    settings = config.load(ShopifySettings, "SHOPIFY_")
    assert settings.origin("x.myshopify.com") == "http://127.0.0.1:9000/shops/x.myshopify.com"


def test_dev_is_read_from_the_same_file_as_the_template(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"CONNECTOR_ENV=dev\nSHOPIFY_ORIGIN_TEMPLATE={STAND_IN}\n")
    assert config.load(ShopifySettings, "SHOPIFY_").dev


@pytest.mark.parametrize(
    "template",
    [
        "http://127.0.0.1:9000",
        "{shop}",
        "ftp://{shop}",
        "https://{shop}/",
        "https://{shop}.{shop}",
        "https://{shop}{x}",
    ],
)
def test_templates_that_make_no_address_are_refused(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    monkeypatch.setenv("CONNECTOR_ENV", "dev")
    monkeypatch.setenv("SHOPIFY_ORIGIN_TEMPLATE", template)
    with pytest.raises(ConfigurationWrong):
        config.load(ShopifySettings, "SHOPIFY_")


def test_secrets_come_newest_first_and_empty_ones_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPIFY_CLIENT_SECRET", "new")
    monkeypatch.setenv("SHOPIFY_CLIENT_SECRET_PREVIOUS", "old")
    assert config.load(ShopifySettings, "SHOPIFY_").secrets() == [b"new", b"old"]
    monkeypatch.setenv("SHOPIFY_CLIENT_SECRET_PREVIOUS", "")
    assert config.load(ShopifySettings, "SHOPIFY_").secrets() == [b"new"]


def test_a_version_that_is_no_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPIFY_API_VERSION", "2026-11")
    with pytest.raises(ConfigurationWrong) as wrong:
        config.load(ShopifySettings, "SHOPIFY_")
    assert wrong.value.setting == "SHOPIFY_API_VERSION"
