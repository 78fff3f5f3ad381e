"""The demo's proofs of reports and samples hold for what agrees, and name what doesn't."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.demo import proofs

SHOP = "harbour"
EXPECTED: dict[str, Any] = {
    "lines": [
        {"shop": SHOP, "order": "#1", "creator": "mira", "content": "v1", "currency": "USD", "base": 4000,
         "refunded_base": 1000, "due": 450, "reason": "last_click_direct"},
        {"shop": SHOP, "order": "#2", "creator": None, "content": None, "currency": "USD", "base": 0,
         "refunded_base": 0, "due": 0, "reason": "sample_order"},
    ],
    "fees": [{"shop": SHOP, "creator": "mira", "content": "v1", "currency": "USD", "amount": 2500}],
}  # fmt: skip
JOURNAL: dict[str, Any] = {
    "shops": [
        {
            "shop": SHOP,
            "orders": [
                {"name": "#1", "tags": [], "lines": [{"gross": "40.00", "discount": "0"}]},
                {"name": "#2", "tags": ["sample_order"], "lines": [{"gross": "25.00", "discount": "25.00"}]},
            ],
        }
    ]
}
TOLD: dict[str, Any] = {
    "shops": [
        {
            "shop": SHOP,
            "report": [
                {"content": "v1", "currency": "USD", "sales": 4000, "taken_back": 1000, "commission": 450,
                 "flat_fee": 2500},
            ],
        }
    ],
    "samples": [{"id": "smp_1", "state": "fulfilled", "order_number": "#2", "content_id": "cnt_1"}],
}  # fmt: skip


def test_what_agrees_holds() -> None:
    assert proofs.reports_agree(EXPECTED, TOLD)["holds"]
    assert proofs.samples_agree(JOURNAL, EXPECTED, TOLD)["holds"]


@pytest.mark.parametrize("name", ["sales", "taken_back", "commission", "flat_fee"])
def test_a_cent_off_in_a_report_is_named(name: str) -> None:
    told = copy.deepcopy(TOLD)
    told["shops"][0]["report"][0][name] += 1
    found = proofs.reports_agree(EXPECTED, told)
    assert not found["holds"]
    assert "v1" in found["detail"]


def test_a_video_that_the_report_lost_is_named() -> None:
    told = copy.deepcopy(TOLD)
    told["shops"][0]["report"].clear()
    assert not proofs.reports_agree(EXPECTED, told)["holds"]


def test_a_sample_that_is_open_costs_something_or_was_ordered_twice_is_named() -> None:
    for change in ("open", "costs", "twice", "none", "unmade"):
        journal, told = copy.deepcopy(JOURNAL), copy.deepcopy(TOLD)
        orders, [sample] = journal["shops"][0]["orders"], told["samples"]
        match change:
            case "open":
                sample["state"] = "delivered"
            case "costs":
                orders[1]["lines"][0]["discount"] = "24.00"
            case "twice":
                journal["shops"].append({"shop": "other", "orders": [copy.deepcopy(orders[1])]})
            case "none":
                told["samples"].clear()
            case "unmade":
                orders.pop()
        assert not proofs.samples_agree(journal, EXPECTED, told)["holds"], change
