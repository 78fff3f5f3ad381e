"""The proofs: each sets two independent sources side by side and names what differs. Pure functions.

Sources: the stores' own journal (and the plain calculation over it, `sandbox/expected.py`), and what the connector
answers at its API. Nothing here knows how either came to its figures.

Shape of `told`, what the connector's API says (`app.App.tell`), each shop by the name that the journal has for it:
    shops       [{shop, orders: [{order_ref, number, evaluated, lines: [{line_ref, creator, content, base, due}]}],
                listings: [{product_ref, title, status, variants: [{variant_ref, price {amount}}]}], refused: how many,
                deliveries: {received, repeats}, accounts: [{currency, account, amount}], entries: [{id, sides}],
                passes: [{at_store, evaluated, gaps, status}], newest first,
                report: [{content, currency, sales, taken_back, commission, flat_fee}], by video,
                invoices: [{currency, received {amount}, open {amount}, invoices: [{total {amount}}]}]}]
    samples     [{id, shop_id, state, order_number, content_id}]
    balances    [{creator, currency, pending, cleared, settled, in_transit, paid}]
    payouts     [{creator, currency, amount}], rows of the files that were written
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from sandbox.expected import NotAnAmount, minor

Doc = dict[str, Any]
NAMED = 5  # differences that a proof spells out; it counts the rest


def proof(name: str, holds: bool, detail: str) -> Doc:
    return {"name": name, "holds": holds, "detail": detail}


def all_proofs(journal: Doc, told: Doc, expected: Doc) -> list[Doc]:
    """Every proof, in the order of an order's way."""
    return [
        trouble_was_real(journal),
        catalog_equal(journal, told),
        deliveries_accounted(journal, told),
        orders_seen(journal, told),
        lines_agree(expected, told),
        creators_agree(expected, told),
        reports_agree(expected, told),
        samples_agree(journal, expected, told),
        ledger_balanced(told),
        receivable_agrees(expected, told),
        payouts_agree(expected, told),
    ]


def _summary(problems: Iterable[str], fine: str) -> tuple[bool, str]:
    found = list(problems)
    if not found:
        return True, fine
    more = f" … and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return False, "; ".join(found[:NAMED]) + more


def _shops(journal: Doc, told: Doc) -> list[tuple[Doc, Doc]]:
    by_name = {shop["shop"]: shop for shop in told["shops"]}
    return [(shop, by_name.get(shop["shop"], _NOTHING)) for shop in journal["shops"]]


_NOTHING: Doc = {
    "orders": [], "listings": [], "refused": 0, "deliveries": {"received": 0, "repeats": 0}, "accounts": [],
    "entries": [], "passes": [], "invoices": [], "report": [],
}  # fmt: skip


# Least shares of all deliveries that the stores must have lost, doubled and sent late, or the day proved nothing.
LEAST = {"dropped": 5, "duplicated": 10, "reordered": 20}


def trouble_was_real(journal: Doc) -> Doc:
    """The stores misbehaved as much as they were asked to, by their own count."""
    counts = journal["counts"]
    shares = {name: 100 * counts[name] / max(1, counts["deliveries"]) for name in LEAST}
    problems = [
        f"only {shares[name]:.1f} % of deliveries were {name}, {least} % are asked for"
        for name, least in LEAST.items()
        if shares[name] < least
    ]
    fine = ", ".join(f"{counts[name]} {name} ({shares[name]:.0f} %)" for name in LEAST)
    return proof("the trouble was real", *_summary(problems, f"of {counts['deliveries']} deliveries {fine}"))


def catalog_equal(journal: Doc, told: Doc) -> Doc:
    """Every product and variant of every store is listed with its title and price; nothing else is, but tombstones."""
    problems: list[str] = []
    products = variants = refused = 0
    for store, shop in _shops(journal, told):
        live = {one["product_ref"]: one for one in shop["listings"] if one["status"] != "gone"}
        absent = []
        for product in store["products"]:
            products += 1
            variants += len(product["variants"])
            found = live.pop(str(product["id"]), None)
            if found is None:
                absent.append(f"{store['shop']}: product {product['id']} “{product['title']}” is not listed")
            else:
                problems += _product_differs(store, product, found)
        # What a run refused is listed with its reason; the price of such an item can't be read by the journal either.
        refused += shop["refused"]
        problems += [f"{store['shop']}: listing of {ref} has no product at the store" for ref in live]
        if len(absent) != shop["refused"]:
            problems += absent
    return proof(
        "catalog equal item by item",
        *_summary(problems, f"{products} products, {variants} variants, equal; {refused} refused with a reason"),
    )


def _product_differs(store: Doc, product: Doc, found: Doc) -> list[str]:
    where = f"{store['shop']}: product {product['id']}"
    problems = []
    if found["title"] != product["title"]:
        problems.append(f"{where}: title “{found['title']}”, at the store “{product['title']}”")
    if found["status"] == "shoppable" and product["status"] != "ACTIVE":
        problems.append(f"{where}: shoppable, at the store {product['status']}")
    if any(_unreadable(one["price"], store["currency"]) for one in product["variants"]):
        # Such a price can't be charged: the product must stand in the list with its reason, and not for sale.
        return problems if found["status"] == "not_shoppable" else [f"{where}: for sale at an impossible price"]
    ours = {one["variant_ref"]: one["price"]["amount"] for one in found["variants"]}
    theirs = {str(one["id"]): minor(one["price"], store["currency"]) for one in product["variants"]}
    for ref in sorted(ours.keys() | theirs.keys()):
        if ours.get(ref) != theirs.get(ref):
            problems.append(f"{where}: variant {ref} costs {ours.get(ref)}, at the store {theirs.get(ref)}")
    return problems


def _unreadable(price: str, currency: str) -> bool:
    try:
        minor(price, currency)
    except NotAnAmount:
        return True
    return False


def deliveries_accounted(journal: Doc, told: Doc) -> Doc:
    """What the stores got an answer for is in the inbox, as a row or a repeat; and nothing that wasn't sent."""
    problems = []
    total = 0
    for store, shop in _shops(journal, told):
        counts = store["counts"]
        answered = counts["delivered"] + counts["duplicated"]
        held = shop["deliveries"]["received"] + shop["deliveries"]["repeats"]
        total += held
        # A store that gave up waiting for an answer sends again: such an attempt may be kept without being counted.
        if not answered <= held <= counts["sent"]:
            problems.append(f"{store['shop']}: {answered} answered of {counts['sent']} sent, the inbox holds {held}")
    return proof("deliveries answered = deliveries kept", *_summary(problems, f"{total} deliveries kept"))


def orders_seen(journal: Doc, told: Doc) -> Doc:
    """Orders at the store = seen = evaluated, by name; and the connector's own last pass says the same."""
    problems = []
    total = 0
    for store, shop in _shops(journal, told):
        seen = {one["number"]: one for one in shop["orders"]}
        for order in store["orders"]:
            total += 1
            found = seen.pop(order["name"], None)
            if found is None:
                problems.append(f"{store['shop']}: order {order['name']} was never seen")
            elif not found["evaluated"]:
                problems.append(f"{store['shop']}: order {order['name']} was seen and not evaluated")
        problems += [f"{store['shop']}: order {number} is not at the store" for number in seen]
        # The worker's own schedule may have begun another one a moment ago.
        last = next((one for one in shop["passes"] if one["status"] != "running"), None)
        if last is None:
            problems.append(f"{store['shop']}: no pass has ended")
        elif last["status"] != "done" or last["gaps"]:
            problems.append(f"{store['shop']}: the last pass ended {last['status']} with gaps {last['gaps']}")
    return proof("orders at the store = seen = evaluated", *_summary(problems, f"{total} orders, no gap"))


def lines_agree(expected: Doc, told: Doc) -> Doc:
    """Line by line: who earns, with which content, on what base, what is due."""
    ours: dict[tuple[str, str, str], Doc] = {
        (shop["shop"], order["order_ref"], line["line_ref"]): line
        for shop in told["shops"]
        for order in shop["orders"]
        for line in order["lines"]
    }
    problems = []
    for line in expected["lines"]:
        where = f"{line['shop']} {line['order']} line {line['line_id']}"
        found = ours.pop((line["shop"], str(line["order_id"]), str(line["line_id"])), None)
        if found is None:
            problems.append(f"{where}: not evaluated")
            continue
        wanted = (line["creator"], line["content"], line["due"])
        got = (found["creator"], found["content"], found["due"])
        if got != wanted and (line["due"] or found["due"] or line["creator"]):
            problems.append(f"{where}: {_who(got)}, by the journal {_who(wanted)}")
        elif line["creator"] and found["base"] != line["base"]:
            problems.append(f"{where}: base {found['base']}, by the journal {line['base']}")
    problems += [f"{where[0]} order {where[1]} line {where[2]}: evaluated, not at the store" for where in ours]
    return proof("commission line by line", *_summary(problems, f"{len(expected['lines'])} lines agree"))


def _who(line: tuple[str | None, str | None, int]) -> str:
    return f"{line[0] or 'nobody'} ({line[1] or '-'}) {line[2]}"


def creators_agree(expected: Doc, told: Doc) -> Doc:
    """What each creator has in the ledger, over all buckets, is what the plain calculation gives."""
    wanted = {(one["creator"], one["currency"]): one["earned"] for one in expected["creators"]}
    got = {
        (one["creator"], one["currency"]): sum(one[b] for b in ("pending", "cleared", "settled", "in_transit", "paid"))
        for one in told["balances"]
    }
    problems = [
        f"{creator} {currency}: {got.get((creator, currency), 0)}, by the journal {wanted.get((creator, currency), 0)}"
        for creator, currency in sorted(wanted.keys() | got.keys())
        if got.get((creator, currency), 0) != wanted.get((creator, currency), 0)
    ]
    return proof("commission by creator", *_summary(problems, f"{len(wanted)} balances agree to the minor unit"))


def reports_agree(expected: Doc, told: Doc) -> Doc:
    """What the merchants' reports say of each video is what its lines and its flat fee add up to, by the journal."""
    names = ("sales", "taken_back", "commission", "flat_fee")
    wanted: dict[tuple[str, str, str], list[int]] = {}
    for line in expected["lines"]:
        if line["creator"]:
            sums = wanted.setdefault((line["shop"], line["content"], line["currency"]), [0, 0, 0, 0])
            for place, name in enumerate(("base", "refunded_base", "due")):
                sums[place] += line[name]
    for fee in expected["fees"]:
        wanted.setdefault((fee["shop"], fee["content"], fee["currency"]), [0, 0, 0, 0])[3] += fee["amount"]
    got = {
        (shop["shop"], row["content"], row["currency"]): [row[name] for name in names]
        for shop in told["shops"]
        for row in shop["report"]
        if any(row[name] for name in names)
    }
    problems = [
        f"{' '.join(key)}: the report says {got.get(key)}, by the journal {wanted.get(key)}"
        for key in sorted(wanted.keys() | got.keys())
        if got.get(key) != wanted.get(key)
    ]
    return proof(
        "reports by video", *_summary(problems, f"{len(wanted)} videos' sales, refunds, commission and fees agree")
    )


def samples_agree(journal: Doc, expected: Doc, told: Doc) -> Doc:
    """Each sample has one order at a store, for nothing, which earned nothing; and content was made with it."""
    orders = {
        (shop["shop"], order["name"]): order
        for shop in journal["shops"]
        for order in shop["orders"]
        if "sample_order" in order["tags"]
    }
    due = {(line["shop"], line["order"]): line["reason"] for line in expected["lines"] if line["due"] == 0}
    problems = []
    for sample in told["samples"]:
        found = [key for key in orders if key[1] == sample["order_number"]]
        free = [
            key for key in found if all(_free(line) for line in orders[key]["lines"]) and due.get(key) == "sample_order"
        ]
        if len(found) != 1 or free != found:
            problems.append(f"sample {sample['id']}: {len(found)} orders at the stores, {len(free)} of them free")
        elif (sample["state"], bool(sample["content_id"])) != ("fulfilled", True):
            problems.append(f"sample {sample['id']} is {sample['state']}")
    if not told["samples"]:
        problems.append("no sample was given")
    return proof("samples", *_summary(problems, f"{len(told['samples'])} ordered for nothing, and shown in a video"))


def _free(line: Doc) -> bool:
    return Decimal(line["gross"]) == Decimal(line["discount"])


def ledger_balanced(told: Doc) -> Doc:
    """Added up here, not there: every entry of every order, and every shop's accounts, sum to zero."""
    problems = []
    entries = sides = 0
    for shop in told["shops"]:
        for entry in shop["entries"]:
            entries += 1
            sides += len(entry["sides"])
            off = sum(side["amount"] for side in entry["sides"])
            if off:
                problems.append(f"{shop['shop']}: entry {entry['id']} is off by {off}")
        for currency, off in _sum(shop["accounts"], lambda one: one["amount"]).items():
            if off:
                problems.append(f"{shop['shop']}: its accounts are off by {off} {currency}")
    return proof("ledger sums to zero", *_summary(problems, f"{entries} entries of orders with {sides} sides"))


def receivable_agrees(expected: Doc, told: Doc) -> Doc:
    """What merchants owe in the ledger is what all creators earned less what merchants paid in; and what they paid in
    is what they were invoiced, currency by currency."""
    accounts = [one for shop in told["shops"] for one in shop["accounts"]]
    billed = [one for shop in told["shops"] for one in shop["invoices"]]
    earned = _sum(expected["creators"], lambda one: one["earned"])
    owed = _sum((one for one in accounts if one["account"] == "merchant_receivable"), lambda one: one["amount"])
    received = _sum(billed, lambda one: one["received"]["amount"])
    asked = _sum(billed, lambda one: sum(row["total"]["amount"] for row in one["invoices"]))
    problems = [
        f"{currency}: {owed.get(currency, 0)} owed and {received.get(currency, 0)} paid in, by the journal "
        f"{earned.get(currency, 0)}"
        for currency in sorted(earned.keys() | owed.keys())
        if earned.get(currency, 0) != owed.get(currency, 0) + received.get(currency, 0)
    ]
    problems += [
        f"{currency}: invoiced {asked.get(currency, 0)}, paid in {received.get(currency, 0)}"
        for currency in sorted(asked.keys() | received.keys())
        if asked.get(currency, 0) != received.get(currency, 0)
    ]
    fine = ", ".join(f"{received.get(one, 0)} of {amount} {one}" for one, amount in sorted(earned.items()))
    return proof("merchants owe what creators earned", *_summary(problems, f"{fine} in minor units are paid in"))


def payouts_agree(expected: Doc, told: Doc) -> Doc:
    """The payout files hold what the ledger says was paid, and no creator got more than was earned."""
    paid: Counter[tuple[str, str]] = Counter()
    for row in told["payouts"]:
        paid[row["creator"], row["currency"]] += row["amount"]
    booked = {(one["creator"], one["currency"]): one["in_transit"] + one["paid"] for one in told["balances"]}
    earned = {(one["creator"], one["currency"]): one["earned"] for one in expected["creators"]}
    problems = [
        f"{creator} {currency}: file {paid[creator, currency]}, ledger {booked.get((creator, currency), 0)}"
        for creator, currency in sorted(paid.keys() | booked.keys())
        if paid[creator, currency] != booked.get((creator, currency), 0)
    ]
    problems += [
        f"{creator} {currency}: paid {amount}, earned {earned.get((creator, currency), 0)}"
        for (creator, currency), amount in sorted(paid.items())
        if amount > earned.get((creator, currency), 0)
    ]
    if not paid:
        problems.append("no payout was written")
    return proof("payout files = ledger", *_summary(problems, f"{len(paid)} payouts"))


def _sum(rows: Iterable[Doc], amount: Callable[[Doc], int]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row["currency"]] += amount(row)
    return dict(sums)
