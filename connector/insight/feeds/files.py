"""Where built feeds lie: `<folder>/<feed id>/<build id>.<end>`, its report beside it.

All web processes and workers see one folder (`CONNECTOR_FEED_FOLDER`): on several machines a shared volume.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from connector.insight.feeds.writing import KINDS

_folder = Path("var/feeds")


def use_folder(folder: Path) -> None:
    """Make `folder` this process's own."""
    global _folder
    _folder = folder


def built(feed_id: str, build_id: str, kind: str) -> Path:
    return _folder / feed_id / f"{build_id}.{KINDS[kind][0]}"


def report(feed_id: str, build_id: str) -> Path:
    """What was refused and warned of in a build, an item a row."""
    return _folder / feed_id / f"{build_id}.report.csv"


def drop_others(feed_id: str, kept: Collection[str]) -> None:
    """Remove the files of builds that aren't in `kept`. A download under way goes on to its end."""
    place = _folder / feed_id
    for path in place.glob("fbd_*") if place.is_dir() else ():
        if path.name.partition(".")[0] not in kept:
            path.unlink(missing_ok=True)


def drop_all(feed_id: str) -> None:
    shutil.rmtree(_folder / feed_id, ignore_errors=True)
