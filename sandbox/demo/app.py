"""The demo as the app's back end: what it asks of the connector's JSON API, with a token of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import requests

from sandbox.demo.stores import Doc, Refused, answered
from sandbox.expected import minor

REPORTED = ("sales", "taken_back", "net_sales", "commission", "flat_fee")
BUCKETS = ("pending", "cleared", "settled", "in_transit", "paid")


class App:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token}"
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=8)
        self.http.mount("http://", adapter)

    def get(self, path: str, **query: Any) -> Doc:
        found: Doc = answered(self.http.get(f"{self.url}/api/v1{path}", params=query, timeout=60), 200)
        return found

    def post(self, path: str, **body: Any) -> Doc:
        done: Doc = answered(self.http.post(f"{self.url}/api/v1{path}", json=body, timeout=60), 200, 201, 202)
        return done

    def pages(self, path: str, **query: Any) -> Iterator[Doc]:
        """Every item of a list, page after page."""
        page = self.get(path, limit=200, **query)
        while True:
            yield from page["items"]
            if page["next"] is None:
                return
            page = self.get(path, limit=200, cursor=page["next"], **query)

    # --- what the demo's day needs ---

    def shops(self) -> list[Doc]:
        items: list[Doc] = self.get("/shops")["items"]
        return items

    def sync(self, shop_id: str) -> Doc:
        """The latest run; one that isn't queued yet reads like one that has read nothing."""
        runs = self.get(f"/shops/{shop_id}/sync")["items"]
        return runs[0] if runs else {"status": "queued", "written": 0, "same": 0, "refused": 0}

    def listings(self, shop_id: str, status: str) -> list[Doc]:
        return list(self.pages("/listings", shop_id=shop_id, status=status))

    def listing(self, listing_id: str) -> Doc:
        return self.get(f"/listings/{listing_id}")

    def sign_up(self, handle: str, name: str, followers: int, born_on: str) -> str:
        """The app vouches for who it is and for the counts; the creator gives an account to be paid by."""
        made = self.post(
            "/creators/sign-ups", account_ref=f"demo-{handle}", handle=handle, name=name, followers=followers,
            born_on=born_on, country="DE", about=f"{name}: what I make, and with what.", language="en",
            networks=[{"network": "instagram", "handle": f"{handle}.makes", "followers": followers // 2}],
        )  # fmt: skip
        creator_id = str(made["id"])
        self.payee(creator_id, name)
        return creator_id

    def refused(self, path: str, field: str, status: int = 422, **body: Any) -> Doc:
        """What must not be done: the answer names the field. Errors: Refused where it was done, or names another."""
        answer = self.http.post(f"{self.url}/api/v1{path}", json=body, timeout=60)
        told: Doc = answered(answer, status)
        if field and field not in answer.text:
            raise Refused(f"POST {path} doesn't name {field}: {answer.text[:500]}")
        return told

    def payee(self, creator_id: str, name: str) -> None:
        """The creator gives an account, and confirms it with the code that the app is told in a notice."""
        url, number = f"{self.url}/api/v1/creators/{creator_id}/payee", int.from_bytes(creator_id.encode()) % 10**18
        # The check digits of an IBAN (ISO 13616): the number with `DE00` behind it, as digits, modulo 97.
        iban = f"DE{98 - (number * 10**6 + 131400) % 97:02d}{number:018d}"
        answered(self.http.put(url, json={"name": name, "country": "DE", "iban": iban}, timeout=60), 200)
        code = [one["secret"] for one in self.pages("/notices") if one["creator_id"] == creator_id and one["secret"]]
        self.post(f"/creators/{creator_id}/payee/confirm", code=code[-1])

    def content(self, creator_id: str, ref: str, kind: str, title: str) -> str:
        made = self.post(
            f"/creators/{creator_id}/content", network="app", content_ref=ref, kind=kind, title=title,
            url=f"https://app.example/{kind}/{ref}",
        )  # fmt: skip
        return str(made["id"])

    def open_terms(self, shop_id: str, rate_bp: int, product_ref: str = "") -> str:
        """Open a shop or a product at a rate; since when it holds."""
        made = self.post("/collaborations", shop_id=shop_id, rate_bp=rate_bp, product_ref=product_ref)
        return str(made["starts_at"])

    def link(self, creator_id: str, listing_id: str, content_id: str) -> str:
        return str(self.post("/links", creator_id=creator_id, listing_id=listing_id, content_id=content_id)["url"])

    def touch(self, *, creator_id: str, listing_id: str, content_id: str, buyer: str, at: datetime) -> str:
        """Report a tap made inside the app; the link to the store's cart."""
        made = self.post(
            "/touches", creator_id=creator_id, listing_id=listing_id, content_id=content_id, buyer=buyer,
            at=at.isoformat(),
        )  # fmt: skip
        return str(made["cart_link"])

    def wait_until_drained(self, seconds: float = 120) -> None:
        """Until no delivery waits, twice in a row: what is read afterwards may have brought more work."""
        end, quiet = time.monotonic() + seconds, 0
        while quiet < 3:
            waiting = {shop["domain"]: counts for shop in self.shops() if (counts := self._open_work(shop["id"]))}
            quiet = 0 if waiting else quiet + 1
            if time.monotonic() > end:
                raise RuntimeError(f"deliveries still wait after {seconds:.0f} s: {waiting}")
            time.sleep(0.4)

    def _open_work(self, shop_id: str) -> int:
        by_status = self.get(f"/shops/{shop_id}/deliveries")["by_status"]
        return int(by_status.get("waiting", 0)) + int(by_status.get("failed", 0))

    # --- what it says when all is done ---

    def tell(self, names: Mapping[str, str], paid_rows: list[Doc], since: datetime) -> Doc:
        """All that the proofs read, in the shape that `proofs` describes.

        `names`: the stores' own, by shop id; `since`: when the day's trade began.
        """
        shops = {shop["id"]: shop for shop in self.shops()}
        handles = {row["id"]: row["handle"] for row in self.pages("/creators")}
        refs = {
            content["id"]: content["content_ref"]
            for creator_id in handles
            for content in self.pages(f"/creators/{creator_id}/content")
        }
        told = [
            self._shop(shops[shop_id]) | {"shop": name, "report": self._report(shop_id, refs, since)}
            for shop_id, name in names.items()
        ]
        return {
            "shops": told,
            "samples": list(self.pages("/samples")),
            "balances": self._balances(),
            "paid_by_content": self._paid_by_content(handles, refs),
            "payouts": [
                {
                    "creator": row["creator"],
                    "currency": row["currency"],
                    "amount": minor(row["amount"], row["currency"]),
                }
                for row in paid_rows
            ],
        }

    def _shop(self, shop: Doc) -> Doc:
        shop_id = shop["id"]
        heads = list(self.pages(f"/shops/{shop_id}/orders"))
        with ThreadPoolExecutor(4) as pool:
            traces = list(pool.map(lambda head: self.get(f"/orders/{shop_id}/{head['id']}/trace"), heads))
        passes = self.get(f"/shops/{shop_id}/reconciliations")["items"]
        return {
            "orders": [_order(head, trace) for head, trace in zip(heads, traces, strict=True)],
            "listings": list(self.pages(f"/shops/{shop_id}/catalog")),
            "refused": sum(self.sync(shop_id).get("refusals", {}).values()),
            "deliveries": self.get(f"/shops/{shop_id}/deliveries"),
            "accounts": self.get(f"/shops/{shop_id}/accounts")["items"],
            "invoices": self.get("/invoices", shop_id=shop_id)["items"],
            "entries": [entry for trace in traces for entry in trace["entries"]],
            "repaired": sum(one["fetched"] for one in passes),
            "passes": [{name: one[name] for name in ("at_store", "evaluated", "gaps", "status")} for one in passes],
        }

    def _balances(self) -> list[Doc]:
        """Per creator and currency, over shops: amounts of one currency only are added."""
        sums: dict[tuple[str, str], Doc] = {}
        for row in self.get("/earnings")["items"]:
            key = (row["handle"], row["currency"])
            total = sums.setdefault(key, {"creator": key[0], "currency": key[1], **dict.fromkeys(BUCKETS, 0)})
            for bucket in BUCKETS:
                total[bucket] += row[bucket]["amount"]
        return [sums[key] for key in sorted(sums)]

    def _report(self, shop_id: str, refs: Mapping[str, str], since: datetime) -> list[Doc]:
        """A shop's report by video, of the days around the trade."""
        first, last = (since - timedelta(days=1)).date(), (since + timedelta(days=2)).date()
        asked = {"shop_id": shop_id, "by": "content", "since": first, "until": last, "time_zone": "UTC"}
        return [
            {
                "content": refs.get(row["id"], row["id"]), "views": row["views"], "taps": row["taps"],
                "orders": row["orders"], "currency": money["currency"],
                **{name: money[name]["amount"] for name in REPORTED},
            }
            for row in self.pages("/reports/sales", **asked)
            for money in row["money"]
        ]  # fmt: skip

    def _paid_by_content(self, handles: Mapping[str, str], refs: Mapping[str, str]) -> dict[tuple[str, str, str], int]:
        """{(creator, content, currency): amount} of the statements of creators who were paid all they say."""
        paid = {
            (row["creator_id"], row["shop_id"]): row["amount"]["amount"]
            for creator_id in handles
            for row in self.get(f"/creators/{creator_id}/payouts")["items"]
            if row["status"] == "paid"
        }
        sums: dict[tuple[str, str, str], int] = {}
        for head in self.pages("/statements"):
            if paid.get((head["creator_id"], head["shop_id"])) != head["total"]["amount"]:
                continue
            for line in self.get(f"/statements/{head['id']}")["lines"]:
                key = (handles[head["creator_id"]], refs.get(line["content_id"], ""), line["amount"]["currency"])
                sums[key] = sums.get(key, 0) + line["amount"]["amount"]
        return sums


def _order(head: Doc, trace: Doc) -> Doc:
    return {
        "order_ref": head["order_ref"],
        "number": head["number"],
        "currency": head["currency"],
        "evaluated": head["evaluated"] and bool(trace["evaluations"]),
        "lines": [_line(line) for line in trace["lines"]],
    }


def _line(line: Doc) -> Doc:
    decision = line["decision"] or {}
    creator, content = decision.get("creator"), decision.get("content")
    return {
        "line_ref": line["line_ref"],
        "creator": creator["handle"] if creator else None,
        "content": content["ref"] if content else None,
        "base": (line["base"] or {}).get("base", 0),
        "refunded_base": line["refunded_base"],
        "due": line["due"],
        "reason": line["reason"],
    }
