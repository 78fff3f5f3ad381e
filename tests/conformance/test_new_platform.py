"""`connector new-platform` lays down a package that installs by its entry point and passes its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connector.conformance import new_platform
from connector.errors import Conflict, InputRefused

ROOT = Path(__file__).parents[2]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_package_that_is_laid_down_works(tmp_path: Path) -> None:
    folder = tmp_path / "connector-corner-shop"
    made = new_platform.lay_down("corner-shop", folder)
    words = {path: path.read_text() for path in made}
    for path, text in words.items():
        assert "template" not in text, path
        assert not re.search(r"(?<![.@\w])[Ee]xample(?!\.com)\b", text.replace("small example", "")), path
    assert (folder / "connector_corner_shop" / "NOTES.md").exists()
    # What `pip install` would leave of its entry point.
    metadata = folder / "connector_corner_shop-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: connector-corner-shop\nVersion: 0.1.0\n")
    line = re.search(r'^(corner-shop) = "(.*)"$', (folder / "pyproject.toml").read_text(), re.M)
    assert line is not None
    (metadata / "entry_points.txt").write_text(f"[connector.platforms]\n{line[1]} = {line[2]}\n")
    listed = run(folder, "-c", "from connector.platforms import roster; print(*sorted(roster.platforms()))")
    assert "corner-shop" in listed.stdout.split(), listed.stderr
    tested = run(
        folder,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "signature_vectors or exact_base or pasted",
        "tests",
    )
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert " passed" in tested.stdout


@pytest.mark.parametrize("slug", ["", "Corner", "corner shop", "../corner", "corner_shop", "-corner", "x" * 31])
def test_a_name_that_can_be_no_part_of_an_address_is_refused(slug: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="slug"):
        new_platform.lay_down(slug, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict):
        new_platform.lay_down("corner", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_walk_through_shows_what_the_template_says() -> None:
    """Every block of Python in the document stands in the template as it is printed."""
    text = (ROOT / "docs" / "adding-a-platform.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) >= 6
    sources = [path.read_text() for path in new_platform.TEMPLATE.rglob("*.py")]
    for block in blocks:
        for part in re.split(r"^ *# …\n", block, flags=re.M):
            assert any(part.strip("\n") in source for source in sources), part
