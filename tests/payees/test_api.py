"""Payment details through the API, as the app's back end gives and confirms them; and the notices that it reads."""

from __future__ import annotations

from tests.api.conftest import Api
from tests.attribution.world import World

IBAN = "DE89370400440532013000"
GIVEN = {"name": "Mira", "country": "DE", "iban": IBAN}


def test_the_app_gives_confirms_and_refuses(sqlite_world: World, api: Api) -> None:
    path = f"/creators/{sqlite_world.creators['x']}/payee"
    assert api.get(path) == {"status": "payee_missing", "payee_id": None, "shown": {}, "until": None}
    wrong = api.send("PUT", path, GIVEN | {"iban": "DE00"})
    assert (wrong.status_code, wrong.json["field"]) == (422, "iban")  # type: ignore[index]
    asked = api.send("PUT", path, GIVEN)
    assert (asked.status_code, asked.json["status"]) == (200, "payee_unconfirmed")  # type: ignore[index]
    assert IBAN[4:] not in asked.text
    page = api.get("/notices")
    [told] = page["items"]
    assert (told["kind"], told["creator_id"]) == ("payee.changed", sqlite_world.creators["x"])
    assert IBAN not in str(told)
    assert api.get(f"/notices?cursor={page['next']}") == {"items": [], "next": None}

    slip = api.send("POST", f"{path}/confirm", {"code": "x"})
    assert (slip.status_code, slip.json["field"]) == (422, "code")  # type: ignore[index]
    held = api.send("POST", f"{path}/confirm", {"code": told["secret"]})
    assert (held.status_code, held.json["status"], held.json["shown"]["iban"]) == (  # type: ignore[index]
        200, "payee_held", "3000",
    )  # fmt: skip
    assert [row["secret"] for row in api.get("/notices")["items"]] == ["", ""]
    refused = api.send("POST", f"{path}/refuse")
    assert (refused.status_code, refused.json["status"]) == (200, "payee_missing")  # type: ignore[index]
    assert api.send("POST", f"{path}/refuse").status_code == 409


def test_each_act_needs_its_scope(sqlite_world: World, api: Api) -> None:
    path = f"/creators/{sqlite_world.creators['x']}/payee"
    poor = api.token("creators:write", "earnings:read")
    for method, where in (("GET", path), ("PUT", path), ("POST", f"{path}/confirm"), ("GET", "/notices")):
        assert api.send(method, where, GIVEN if method == "PUT" else None, secret=poor).status_code == 403, where
