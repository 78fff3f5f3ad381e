"""What the API answered in a demo, as the examples of its document: `connector/faces/api/examples.json`.

    make demo                                        # leave it running
    connector proof --make; connector events endpoint app <url>     # and record a breach in the console
    python -m sandbox.examples http://127.0.0.1:8080 <token of every scope>

Asks each operation of `/openapi.json` for what the demo holds, does a few harmless writes, and keeps one answer a
shape: lists cut to their first row or two, long texts cut, addresses of this machine replaced. Nothing in it is made
up. Run it again where a shape changed; a test holds each example to its schema.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

Doc = dict[str, Any]
FILE = Path(__file__).parents[1] / "connector" / "faces" / "api" / "examples.json"
_ROWS, _LONGEST = 2, 240
# Shapes that say more once the writes are done, or of another time than the usual.
LATER = ("OfferBatch", "BatchRow", "Feed", "Report", "SoldOrder", "Beside", "Beginnings")
_PREFIXES = {
    "crt": "creator_id", "cnt": "content_id", "lst": "listing_id", "shp": "shop_id", "ord": "order_id",
    "neg": "negotiation_id", "smp": "sample_id", "smo": "offer_id", "stm": "statement_id", "inv": "invoice_id",
    "evt": "event_id", "ntc": "notice_id", "cap": "approval_id", "bat": "batch_id", "fee": "feed_id", "fed": "feed_id",
    "fbd": "build_id", "bld": "build_id", "trm": "terms_id",
}  # fmt: skip


class Recorder:
    def __init__(self, base: str, token: str) -> None:
        self.base, self.http = base.rstrip("/"), requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.document: Doc = self.http.get(f"{self.base}/openapi.json", timeout=30).json()
        self.schemas: Doc = self.document["components"]["schemas"]
        self.ids: dict[str, str] = {}
        self.found: Doc = {}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, kept as the example of its shape; None where there is none."""
        answer = self.http.request(method, f"{self.base}/api/v1{path}", json=body, timeout=60)
        if not answer.ok or "json" not in answer.headers.get("Content-Type", ""):
            return None
        operation = self._operation(method, path)
        shape = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        said = answer.json()
        self.keep(shape, said)
        return said

    def keep(self, shape: Doc, said: Any) -> None:
        """Of this shape and of every shape within it, where none is kept yet, or only an empty list."""
        name = shape.get("$ref", "").rpartition("/")[2]
        whole = self.schemas[name] if name else shape
        if name and (name not in self.found or _empty(self.found[name])):
            self.found[name] = self._cut(said)
        for each in whole.get("anyOf", ()):
            if isinstance(said, dict | list) and ("$ref" in each or "items" in each):
                self.keep(each, said)
        if isinstance(said, list):
            for each in said[:_ROWS]:
                self.keep(whole.get("items", {}), each)
        elif isinstance(said, dict):
            for field, inner in whole.get("properties", {}).items():
                if field in said:
                    self.keep(inner, said[field])

    def wander(self) -> None:
        """Every GET whose ids are known, until no new ids come."""
        for _ in range(3):
            for path, operations in self.document["paths"].items():
                if "get" in operations:
                    for address in self._addresses(path.removeprefix("/api/v1")):
                        said = self.ask("GET", address)
                        if said is not None:
                            self._learn(said)

    def _addresses(self, path: str) -> Iterator[str]:
        needed = re.findall(r"\{(\w+)\}", path)
        if all(name in self.ids for name in needed):
            address = re.sub(r"\{(\w+)\}", lambda name: self.ids[name[1]], path)
            yield address
            yield f"{address}?shop_id={self.ids.get('shop_id', '')}"
            yield f"{address}?creator_id={self.ids.get('creator_id', '')}&since=2026-11-01"

    def _learn(self, said: Any) -> None:
        for found in re.findall(r'"(([a-z]{3})_[0-9a-z]{20,})"', json.dumps(said)):
            if found[1] in _PREFIXES:
                self.ids.setdefault(_PREFIXES[found[1]], found[0])

    def _operation(self, method: str, path: str) -> Doc:
        plain = "/api/v1" + path.split("?")[0]
        for known, operations in self.document["paths"].items():
            pattern = "".join(
                "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", known)
            )
            if method.lower() in operations and re.fullmatch(pattern, plain):
                return dict(operations[method.lower()])
        raise LookupError(f"{method} {path} is in no document")

    def _cut(self, said: Any) -> Any:
        if isinstance(said, dict):
            return {field: self._cut(each) for field, each in said.items()}
        if isinstance(said, list):
            return [self._cut(each) for each in said[:_ROWS]]
        if not isinstance(said, str):
            return said
        text = said.replace(self.base, "https://connector.example")
        text = re.sub(r"http://127\.0\.0\.1:\d+", "https://store.example", text)
        text = re.sub(r"(/sign-in/link/).+", r"\1…", text)
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _empty(said: Any) -> bool:
    return isinstance(said, dict) and said.get("items") == []


def act(recorder: Recorder) -> None:
    """The writes whose answers no list holds. The creator is new, so nothing of the demo's day is changed."""
    ask, ids = recorder.ask, recorder.ids
    creator = ask("POST", "/creators/sign-ups", {
        "account_ref": "u-20481", "handle": "@nia.makes", "name": "Nia", "followers": 12400, "born_on": "1998-04-30",
        "country": "DE", "about": "Linen, and what to do with it.", "language": "de", "topics": ["sewing", "home"],
        "networks": [{"network": "instagram", "handle": "nia.makes", "followers": 8100}],
        "audience": {"countries": {"DE": 7000, "AT": 1500}, "ages": {"25-34": 5200}},
    })["id"]  # fmt: skip
    shop = ids["shop_id"]
    offered = ask("GET", f"/listings?status=shoppable&shop_id={shop}&open_to={creator}")["items"]
    listing, ref = offered[0]["id"], offered[0]["product_ref"]
    ask("POST", "/eligibility/look", {"followers": 1200, "born_on": "1998-04-30", "at": "2024-04-30T12:00:00Z"})
    ask("POST", f"/creators/{creator}/products", {"listing_id": listing})
    video = {"network": "app", "content_ref": "vid-4711", "kind": "video", "title": "Autumn corner"}
    content = ask("POST", f"/creators/{creator}/content", video)["id"]
    link = ask("POST", "/links", {"creator_id": creator, "listing_id": listing, "content_id": content})
    ask("POST", f"/content/{content}/products", {"products": [{"listing_id": listing}]})
    ask(
        "POST",
        "/content/views",
        {"items": [{"content_id": content, "views": 48211}, {"content_id": "cnt_0", "views": 1}]},
    )
    ask("POST", f"/content/{content}/visibility", {"visible": True})
    ask("POST", "/touches", {"link_code": link["code"], "buyer": "b-77120"})
    ask("POST", "/carts", {"buyer": "b-77120", "lines": [{"link_code": link["code"], "quantity": 2}]})
    ask("POST", f"/creators/{creator}/studio-link", {"to": "/studio/earnings"})
    ask("POST", "/collaborations/preview", {"shop_id": shop, "product_ref": ref, "rate_bp": 1500})
    ask("POST", "/codes", {"shop_id": shop, "creator_id": creator, "code": "NIA10"})
    category = offered[0]["category"]
    ask("POST", "/openings", {"shop_id": shop, "kind": "category", "value": category, "rate_bp": 1600})
    offer = {"shop_id": shop, "rate_bp": 1800, "product_refs": [ref], "ends_at": "2027-12-31T00:00:00Z",
             "expires_at": "2027-01-31T00:00:00Z"}  # fmt: skip
    begun = ask("POST", "/negotiations", offer | {"creator_id": creator, "note": "For the whole winter."})["id"]
    ask("POST", f"/negotiations/{begun}/messages", {"side": "merchant", "text": "Could you show it in daylight?"})
    ask("POST", f"/negotiations/{begun}/read", {"side": "creator", "number": 1})
    ask("POST", f"/negotiations/{begun}/messages/1/report", {"side": "creator", "words": "I was asked twice already."})
    rows = [{"handle": "@nia.makes"}, {"handle": "@nobody.here"}]
    batch = ask("POST", "/invitation-lists", offer | {"rows": rows})["id"]
    ask("POST", "/acceptance-rules", {"shop_id": shop, "most_bp": 1500, "least_followers": 50000})
    ask("POST", "/sample-acts", {"shop_id": shop, "act": "approve", "sample_ids": ["smp_0"]})
    ask("POST", "/whatif", {"creator_id": ids["creator_id"], "period": "2026-11", "rates": [{"rate_bp": 2000}]})
    replayed = {"endpoint": "app", "since": "2026-11-20T14:00:00Z"}
    ask("POST", "/events/replay", replayed)
    feed = ask("POST", f"/shops/{shop}/feeds", {"channel": "google"})
    if feed is not None:
        ask("POST", f"/feeds/{feed['id']}/builds")
        ids["feed_id"] = feed["id"]
    ids["batch_id"] = batch
    wait(recorder, f"/offer-batches/{batch}", "finished_at")
    if feed is not None:
        wait(recorder, f"/feeds/{feed['id']}/builds", "items.0.finished_at")
    for name in [each for each in recorder.found if each.startswith(LATER)]:
        del recorder.found[name]
    for path in ("", "/rows"):
        ask("GET", f"/offer-batches/{batch}{path}")
    ask("GET", f"/creators/{creator}/calendar?shop_id={shop}&product_ref={ref}")
    ask("GET", f"/creators/{creator}/samples-allowed?shop_id={shop}")
    for by in ("content", "creator"):
        ask("GET", f"/reports/sales?since=2026-11-20&until=2026-12-10&by={by}")
    for name in ("orders", "beside"):
        ask("GET", f"/reports/sales/{name}?since=2026-11-20&until=2026-12-10")
    ask("GET", "/reports/beginnings?since=2026-11-20&until=2026-12-10")


def wait(recorder: Recorder, path: str, until: str) -> None:
    """Until the worker has done it: what `until` leads to is there."""
    for _ in range(60):
        said = recorder.http.get(f"{recorder.base}/api/v1{path}", timeout=30).json()
        for step in until.split("."):
            said = said[int(step)] if step.isdigit() else said[step]
        if said is not None:
            return
        time.sleep(1)


def main(base: str, token: str) -> None:
    recorder = Recorder(base, token)
    recorder.ids["kind"], recorder.ids["day"] = "csv", "2026-12-28"
    (mira,) = recorder.http.get(f"{recorder.base}/api/v1/creators?handle=mira", timeout=30).json()["items"]
    recorder.ids["creator_id"] = mira["id"]
    recorder.wander()
    act(recorder)
    recorder.wander()
    answers = [
        answer.get("content", {}).get("application/json", {}).get("schema", {})
        for operations in recorder.document["paths"].values()
        for operation in operations.values()
        for status, answer in operation.get("responses", {}).items()
        if status.startswith("2")
    ]
    wanted = {shape["$ref"].rpartition("/")[2] for shape in answers if "$ref" in shape}
    kept = {name: recorder.found[name] for name in sorted(wanted & recorder.found.keys())}
    FILE.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    print(f"{len(kept)} of {len(wanted)} shapes; none of {', '.join(sorted(wanted - recorder.found.keys())) or '…'}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
