"""Opening a process: settings read once, then the clock, the vault, the database and the shops' defaults by them."""

from __future__ import annotations

from connector import clock, db, heap, vault
from connector.commerce.shops.settings import use_defaults
from connector.config import Settings, read_settings
from connector.earnings.payouts import policy
from connector.insight.feeds import files


def open_process() -> Settings:
    """Make this process a part of the product; web, worker and every command begin here.

    Errors: ConfigurationWrong, naming the first setting that is off.
    """
    settings = read_settings()
    use_defaults(settings)
    policy.use(settings)
    files.use_folder(settings.feed_folder)
    if settings.clock_file is not None:
        clock.use_offset_file(settings.clock_file)
    vault.use(vault.Vault(settings.keys(), settings.hash_key.get_secret_value()))
    db.use(db.Database(settings.database_url, pool_size=settings.database_pool))
    heap.stand()
    return settings
