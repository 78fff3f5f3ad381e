"""The commands as an operator types them: look, take, show again; a link to a studio; a trace in a creator's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.db import Database
from connector.errors import Conflict
from tests.attribution.world import World, put_on_roster
from tests.operations.days import hear
from tests.operations.test_commands import prepared

SHOP = "one.plain.example"


def test_from_a_file_to_a_studio(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    run = prepared(world, monkeypatch, tmp_path)
    file = tmp_path / "codes.csv"
    file.write_text("code,creator,notes\nX10,x,\nY5,y,\nZ,nobody,\n")
    dry = run("import", "codes", str(file), "--shop", SHOP, "--dry-run", code=1).output
    assert "2 would be taken, 0 here already, 0 conflict, 1 refused" in dry
    assert "columns not used: notes" in dry
    assert "row 4, creator: No creator here has the handle @nobody." in dry
    assert "Nothing was taken." in dry
    token = dry.split("token ")[1].split()[0]
    with pytest.raises(Conflict):
        run("import", "codes", str(file), "--shop", SHOP, "--token", "another")
    taken = run("import", "codes", str(file), "--shop", SHOP, "--token", token, code=1).output
    assert "2 taken, 0 would be taken, 0 here already, 0 conflict, 1 refused" in taken
    file.write_text("code,creator\nx10,x\nY5,y\n")
    assert "2 here already" in run("import", "codes", str(file), "--shop", SHOP).output
    listed = run("import", "list", "--shop", SHOP).output.splitlines()
    assert [line.split()[4] for line in listed] == ["taken", "taken", "looked", "looked"]
    report = run("import", "report", listed[0].split()[0], "--csv").output
    assert report.splitlines()[0] == "row,outcome,reason,field,detail,remedy,code,creator,became"

    assert "/studio/sign-in/link/" in run("creator", "link", "@X").output
    run("creator", "sign-out", "x")
    hear(world, [world.tap("x", "A").token])
    said = run("trace", "7001", "--audience", "creator", "--creator", "x").output
    assert "You earn €4.00 for one line." in said
    assert "At the tap: 10.00\u00a0%, open terms, version 1, the whole shop" in said
    assert "Nobody" not in said
    assert "X earns" in run("trace", "7001", "--audience", "merchant").output
