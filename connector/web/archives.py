"""Our plug-in for a store, as the archive that a merchant downloads: the platform's folder `plugin`, as it is here."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from connector.errors import NotFound
from connector.platforms import roster

_MADE = (2026, 1, 1, 0, 0, 0)  # equal files make an equal archive
_NOT_GIVEN = frozenset({"node_modules", "__pycache__", "dist"})


@cache
def plugin(platform_slug: str) -> tuple[str, bytes]:
    """(name of the folder in it, a ZIP file's bytes). Errors: NotFound where the platform has no plug-in of ours."""
    platform = roster.platform(platform_slug)
    if not platform.plugin_home:
        raise NotFound(f"{platform.title} needs no plug-in of ours")
    folder = files(platform.plugin_home) / "plugin"
    name = str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["name"]).rpartition("/")[2]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(_inside(folder)):
            archive.writestr(zipfile.ZipInfo(f"{name}/{path}", _MADE), content, zipfile.ZIP_DEFLATED)
    return name, out.getvalue()


def _inside(folder: Traversable, at: str = "") -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.name in _NOT_GIVEN:
            continue
        if each.is_dir():
            yield from _inside(each, f"{at}{each.name}/")
        else:
            yield at + each.name, each.read_bytes()
