"""The shop that buyers see: list, product, cart, checkout, thank-you. Works without script; speaks JSON when asked.

A cart and the visit's first page live in a session cookie per shop; a checkout has its own address and needs no
cookie, so a scripted buyer can follow a link and pay by one form post. How things get into a cart is each platform's
own `storefront.py`.
"""

from __future__ import annotations

import hashlib
import html
import re
import secrets
from typing import Any

from flask import Blueprint, Request, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.store import journal, orders, placing, products, wire
from sandbox.store.clock import wall
from sandbox.store.face import Paths
from sandbox.store.money import AmountRefused, decimal_text, to_minor
from sandbox.store.state import Doc
from sandbox.store.store import Store, json_answer
from sandbox.store.store import here as store

COOKIE = "_sandbox_visit"
VISIT_ENDS = 30 * 60  # seconds without a page: the next one begins a new visit
PER_PAGE = 24
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$"}
COUNTRIES = [("US", "United States"), ("DE", "Germany"), ("ES", "Spain"), ("FR", "France"), ("GB", "United Kingdom"),
             ("JP", "Japan"), ("KW", "Kuwait"), ("CA", "Canada"), ("AU", "Australia")]  # fmt: skip
PAYMENTS = {"card": "paid", "later": "pending", "authorized": "authorized", "test": "paid"}


class CartRefused(ValueError):
    """What the buyer asked for cannot be put in the cart or bought; the message is for them."""


def price_words(amount: int, currency: str) -> str:
    """'€49.80', '¥3,980', 'KWD 12.500'."""
    text = decimal_text(amount, currency)
    whole, point, rest = text.partition(".")
    grouped = f"{int(whole):,}{point}{rest}"
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{grouped}" if symbol else f"{currency} {grouped}"


def wants_json(asked: Request) -> bool:
    best = asked.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def new_cart() -> Doc:
    return {"token": f"hWN2{secrets.token_hex(10)}", "lines": [], "attributes": {}, "note": None, "discounts": []}


class Visit:
    """A buyer's session at one shop: where the visit began, and the cart."""

    def __init__(self, store: Store, shop: Doc, asked: Request) -> None:
        self.store = store
        self.shop = shop
        self.root = store.face(shop).root(shop)
        self.token = asked.cookies.get(COOKIE) or secrets.token_hex(16)
        known = store.state.document("session", f"{shop['name']}/{self.token}")
        self.doc: Doc = known or {
            "seen": 0.0,
            "landing_site": None,
            "ref": None,
            "referring_site": None,
            "cart": new_cart(),
        }
        self._arrive(asked)

    def _arrive(self, asked: Request) -> None:
        """A first page, a page after half an hour, or one with a ref or utm parameter begins a visit."""
        campaign = any(key == "ref" or key.startswith("utm_") for key in asked.args)
        if self.doc["landing_site"] is None or wall() - self.doc["seen"] > VISIT_ENDS or campaign:
            path = asked.path.removeprefix(self.root) or "/"
            query = asked.query_string.decode()
            self.doc["landing_site"] = f"{path}?{query}" if query else path
            self.doc["ref"] = asked.args.get("ref")
            referrer = asked.headers.get("Referer")
            self.doc["referring_site"] = None if referrer and self.shop["name"] in referrer else referrer
        self.doc["seen"] = wall()

    @property
    def cart(self) -> Doc:
        found: Doc = self.doc["cart"]
        return found

    def empty(self) -> None:
        self.doc["cart"] = new_cart()

    def save(self, answer: Response) -> Response:
        self.store.state.put_document("session", f"{self.shop['name']}/{self.token}", self.shop["name"], self.doc)
        answer.set_cookie(COOKIE, self.token, httponly=True, samesite="Lax", path=self.root, max_age=14 * 86400)
        return answer

    def add(self, variant_id: int, quantity: int, properties: list[Doc]) -> None:
        """Units of a variant. The same variant with other properties is a line of its own. Raises CartRefused."""
        try:
            variant = self.store.state.variant(self.shop["name"], variant_id)
            product = self.store.state.product(self.shop["name"], variant["product_id"])
        except KeyError:
            raise CartRefused("This product is no longer sold here.") from None
        if not 1 <= quantity <= 1000:
            raise CartRefused("The quantity must be between 1 and 1,000.")
        if not products.available(variant) or product["status"] not in ("ACTIVE", "UNLISTED"):
            raise CartRefused(f"“{product['title']}” is sold out.")
        for line in self.cart["lines"]:
            if line["variant_id"] == variant_id and line["properties"] == properties:
                line["quantity"] += quantity
                return
        self.cart["lines"].append(
            {"key": secrets.token_hex(6), "variant_id": variant_id, "quantity": quantity, "properties": properties}
        )


def draft_of(shop: Doc, cart: Doc, visit: Doc) -> dict[str, Any]:
    """The order draft that a cart amounts to, before the buyer's own details."""
    return {
        "lines": [
            {"variant_id": line["variant_id"], "quantity": line["quantity"], "properties": line["properties"]}
            for line in cart["lines"]
        ],
        "discounts": [{"code": code} for code in cart["discounts"]],
        "note": cart["note"],
        "note_attributes": cart["attributes"],
        "shipping": shop["shipping_price"],
        "cart_token": cart["token"],
        "landing_site": visit["landing_site"],
        "ref": visit["ref"],
        "referring_site": visit["referring_site"],
    }


def without_lost(lost: list[str], draft: dict[str, Any]) -> dict[str, Any]:
    """The draft as a theme or an app leaves it that loses some of what rides with a cart."""
    if "attributes" in lost:
        draft = draft | {"note_attributes": {}}
    if "properties" in lost:
        draft = draft | {"lines": [{**line, "properties": []} for line in draft["lines"]]}
    if "landing" in lost:
        draft = draft | {"landing_site": None, "ref": None}
    return draft


def sum_up(store: Store, shop: Doc, draft: dict[str, Any]) -> Doc:
    """What the draft would cost, by the same arithmetic that places it; nothing is stored."""
    lines = [store.acts.price_line(shop, row) for row in draft["lines"]]
    known = [shop["discount_codes"][row["code"].upper()] for row in draft["discounts"]]
    made = placing.place(
        dict(shop),
        {**draft, "lines": lines, "discounts": known, "customer": None},
        store.clock.stamp(),
        lambda _kind: 0,
    )
    currency = shop["currency"]
    return {
        "lines": [
            {
                "title": line["title"],
                "variant_title": line["variant_title"],
                "quantity": line["quantity"],
                "total": price_words(line["price"] * line["quantity"], currency),
                "net": price_words(orders.net(line), currency),
                "discounted": bool(line["allocations"]),
                # a property whose name begins with _ is private: not shown to the buyer
                "properties": [p for p in line["properties"] if not p["name"].startswith("_")],
                "product_id": line["product_id"],
            }
            for line in made["lines"]
        ],
        "subtotal": price_words(made["placed"]["subtotal"], currency),
        "discounts": price_words(-made["placed"]["discounts"], currency) if made["placed"]["discounts"] else None,
        "codes": made["discount_codes"],
        "shipping": price_words(made["placed"]["shipping"], currency),
        "tax": price_words(made["placed"]["tax"], currency) if made["placed"]["tax"] else None,
        "tip": price_words(made["tip"], currency) if made["tip"] else None,
        "total": price_words(made["placed"]["total"], currency),
    }


def owner(name: str) -> Doc:
    """The shop that the address at hand names, if it is one of the platform whose address it is."""
    try:
        own = store.state.shop(name)
    except KeyError:
        abort(404)
    if not f"{request.path}/".startswith(f"{root_of(own)}/"):
        abort(404)
    return own


def root_of(own: Doc) -> str:
    return store.face(own).root(own)


def product_path(own: Doc, product: Doc) -> str:
    """Below the shop's root."""
    return store.face(own).paths.product.format(handle=product["handle"])


def image(own: Doc, product: Doc) -> str | None:
    return f"{root_of(own)}/files/{product['media'][0]['id']}.svg" if product["media"] else None


def base(own: Doc, visit: Visit) -> dict[str, Any]:
    count = sum(line["quantity"] for line in visit.cart["lines"])
    return page_of(own) | {"cart_count": count}


def page_of(own: Doc) -> dict[str, Any]:
    """What every page of the shop needs."""
    root, paths = root_of(own), store.face(own).paths
    return {"shop": own, "root": root, "cart_url": f"{root}{paths.cart}", "cart_count": 0}


def problem(own: Doc, visit: Visit, message: str, status: int = 422) -> Response:
    if wants_json(request):
        return json_answer({"status": status, "message": "Cart Error", "description": message}, status)
    return visit.save(make_response(render_template("cart_problem.html", **base(own, visit), message=message), status))


def buying(room: Blueprint, paths: Paths) -> None:
    """The pages that every platform's storefront has, for a room whose address names `<shop>`."""
    room.add_url_rule("/", view_func=listing)
    room.add_url_rule(paths.product.format(handle="<handle>"), view_func=product_page)
    room.add_url_rule(paths.cart, view_func=cart_page)
    room.add_url_rule("/cart/change", view_func=cart_change, methods=["POST"])
    room.add_url_rule("/cart/checkout", view_func=cart_checkout, methods=["POST"])
    room.add_url_rule("/checkouts/cn/<token>", view_func=checkout)
    room.add_url_rule("/checkouts/cn/<token>", view_func=pay, methods=["POST"])
    room.add_url_rule("/checkouts/cn/<token>/thank-you", view_func=thank_you)
    room.add_url_rule("/files/<int:media>.svg", view_func=picture)


# --- looking ---


def listing(shop: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    page = max(1, request.args.get("page", 1, type=int))
    with store.state.lock:
        total = store.state.con.execute(
            "SELECT count(*) FROM products WHERE shop = ? AND status = 'ACTIVE'", (shop,)
        ).fetchone()[0]
        rows = store.state.con.execute(
            "SELECT doc FROM products WHERE shop = ? AND status = 'ACTIVE' ORDER BY id LIMIT ? OFFSET ?",
            (shop, PER_PAGE, (page - 1) * PER_PAGE),
        ).fetchall()
    cards = []
    for (text,) in rows:
        product = wire.loads(text)
        variants = store.state.variants(product["id"])
        prices = [v["price"] for v in variants] or [0]
        cards.append(
            {
                "title": product["title"],
                "url": f"{root_of(own)}{product_path(own, product)}",
                "vendor": product["vendor"],
                "image": image(own, product),
                "price": price_words(min(prices), own["currency"]),
                "from": min(prices) != max(prices),
                "sold_out": not any(products.available(v) for v in variants),
            }
        )
    return visit.save(
        make_response(
            render_template(
                "shop_list.html",
                **base(own, visit),
                cards=cards,
                page=page,
                pages=-(-total // PER_PAGE),
                total=total,
            )
        )
    )


def product_page(shop: str, handle: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    product = store.state.product_by_handle(own["name"], handle)
    if product is None or product["status"] not in ("ACTIVE", "UNLISTED"):
        return visit.save(make_response(render_template("not_found.html", **base(own, visit)), 404))
    variants = store.state.variants(product["id"])
    asked = request.args.get("variant", type=int)
    chosen = next((v for v in variants if v["id"] == asked), None) or next(
        (v for v in variants if products.available(v)), variants[0]
    )
    rows = [
        {
            "id": v["id"],
            "title": v["title"],
            "price": price_words(v["price"], own["currency"]),
            "available": products.available(v),
            "chosen": v["id"] == chosen["id"],
        }
        for v in variants
    ]
    compare = chosen["compare_at_price"]
    return visit.save(
        make_response(
            render_template(
                "product.html",
                **base(own, visit),
                product=product,
                add=store.face(own).paths.add,
                image=image(own, product),
                variants=rows,
                single=len(rows) == 1,
                price=price_words(chosen["price"], own["currency"]),
                compare=price_words(compare, own["currency"]) if compare and compare > chosen["price"] else None,
                available=any(row["available"] for row in rows),
                text=re.sub(r"<[^>]+>", "", product["description_html"]),
            )
        )
    )


# --- the cart ---


def cart_page(shop: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    drop_gone(own, visit)
    summary = None
    if visit.cart["lines"]:
        summary = sum_up(store, own, {**draft_of(own, visit.cart, visit.doc), "shipping": None})
        for row, line in zip(summary["lines"], visit.cart["lines"], strict=True):
            product = store.state.product(shop, row["product_id"])
            row.update(key=line["key"], image=image(own, product), url=f"{root_of(own)}{product_path(own, product)}")
    return visit.save(make_response(render_template("cart.html", **base(own, visit), summary=summary)))


def drop_gone(own: Doc, visit: Visit) -> None:
    """Lines whose variant was deleted meanwhile leave the cart."""
    kept = []
    for line in visit.cart["lines"]:
        try:
            store.state.variant(own["name"], line["variant_id"])
            kept.append(line)
        except KeyError:
            continue
    visit.cart["lines"] = kept


def cart_change(shop: str) -> BaseResponse:
    own = owner(shop)
    visit = Visit(store, own, request)
    quantity = request.form.get("quantity", 0, type=int)
    for line in visit.cart["lines"]:
        if line["key"] == request.form.get("key"):
            line["quantity"] = min(1000, max(0, quantity))
    visit.cart["lines"] = [line for line in visit.cart["lines"] if line["quantity"]]
    return visit.save(make_response(redirect(f"{root_of(own)}{store.face(own).paths.cart}", 303)))


def cart_checkout(shop: str) -> BaseResponse:
    """The cart page's Check out button."""
    own = owner(shop)
    visit = Visit(store, own, request)
    if not visit.cart["lines"]:
        return redirect(f"{root_of(own)}{store.face(own).paths.cart}", 303)
    return visit.save(make_response(redirect(begin_checkout(own, visit), 303)))


def begin_checkout(own: Doc, visit: Visit) -> str:
    """Freeze the cart in a checkout; returns its path. Later changes of the cart need a new checkout."""
    token = secrets.token_hex(16)
    store.state.put_document(
        "checkout",
        token,
        own["name"],
        {
            "token": token,
            "cart": visit.cart,
            "session": f"{own['name']}/{visit.token}",
            "landing_site": visit.doc["landing_site"],
            "ref": visit.doc["ref"],
            "referring_site": visit.doc["referring_site"],
            "prefill": {},
            "order_id": None,
        },
    )
    return f"{root_of(own)}/checkouts/cn/{token}"


# --- the checkout ---


def checkout_of(shop: str, token: str) -> Doc:
    found = store.state.document("checkout", token)
    if found is None:
        abort(404)
    return found


def checkout_page(
    own: Doc, checkout: Doc, given: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    draft = draft_of(own, checkout["cart"], checkout)
    if given.get("tip"):
        try:
            to_minor(given["tip"], own["currency"])
            draft["tip"] = given["tip"]
        except AmountRefused:
            pass
    try:
        summary = sum_up(store, own, draft)
    except KeyError:
        page = render_template("not_found.html", **page_of(own))
        return make_response(page, 410)
    page = render_template(
        "checkout.html",
        **page_of(own),
        summary=summary,
        given=given,
        errors=errors,
        countries=COUNTRIES,
    )
    return make_response(page, status)


def checkout(shop: str, token: str) -> BaseResponse:
    own = owner(shop)
    known = checkout_of(shop, token)
    if known["order_id"] is not None:
        return redirect(f"{root_of(own)}/checkouts/cn/{token}/thank-you")
    given = {"country_code": own["country"], "payment": "card", "email": request.args.get("prefill_email", "")}
    if wants_json(request):
        return json_answer({"token": token, "summary": sum_up(store, own, draft_of(own, known["cart"], known))})
    return checkout_page(own, known, given, {})


def pay(shop: str, token: str) -> BaseResponse:
    """Fields: email, first_name, last_name, address1, city, zip, country_code, payment (card, later, authorized,
    test: an order that the store calls a test), tip, discount, act (apply or pay), buyer (a label for the journal).
    Answers 303 to thank-you, or JSON."""
    own = owner(shop)
    given = {key: value.strip() for key, value in request.form.items()}
    with store.state.writing():
        known = checkout_of(shop, token)
        if known["order_id"] is not None:
            return redirect(f"{root_of(own)}/checkouts/cn/{token}/thank-you", 303)
        errors = {}
        code = given.get("discount", "")
        if code:
            if code.upper() in own["discount_codes"]:
                if code.upper() not in [c.upper() for c in known["cart"]["discounts"]]:
                    known["cart"]["discounts"].append(code)
                    store.state.put_document("checkout", token, shop, known)
                given["discount"] = ""
            else:
                errors["discount"] = f"There is no discount code {code} in this shop"
        if given.get("act") == "apply":
            return checkout_page(own, known, given, errors, 422 if errors else 200)
        errors |= wrong_fields(given, own["currency"])
        if errors:
            if wants_json(request):
                return json_answer({"errors": errors}, 422)
            return checkout_page(own, known, given, errors, 422)
        lost = store.misbehaviour.switches(shop)["lose_carriers"]
        draft = without_lost(lost, draft_of(own, known["cart"], known)) | {
            "checkout_token": token,
            "customer": {k: given.get(k) for k in ("email", "first_name", "last_name")},
            "address": {k: given.get(k) for k in ("address1", "city", "zip", "country_code")}
            | {"country": dict(COUNTRIES).get(given["country_code"], given["country_code"])},
            "payment": PAYMENTS[given.get("payment", "card")],
            "tip": given.get("tip") or None,
            "test": given.get("payment") == "test",
            "buyer": given.get("buyer") or None,
        }
        try:
            order = store.acts.place_order(shop, draft)
        except (KeyError, orders.ActRefused):
            page = render_template("not_found.html", **page_of(own))
            return make_response(page, 410)
        known["order_id"] = order["id"]
        store.state.put_document("checkout", token, shop, known)
        session = store.state.document("session", known["session"])
        if session is not None:
            session["cart"] = new_cart()
            store.state.put_document("session", known["session"], shop, session)
    if wants_json(request):
        return json_answer({"order": journal.order_entry(order)}, 201)
    return redirect(f"{root_of(own)}/checkouts/cn/{token}/thank-you", 303)


def wrong_fields(given: dict[str, str], currency: str) -> dict[str, str]:
    errors = {}
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", given.get("email", "")):
        errors["email"] = "Enter an e-mail address, like name@example.com"
    words = {"last_name": "your last name", "address1": "your street", "city": "your city"}
    for field, name in words.items():
        if not given.get(field):
            errors[field] = f"Enter {name}"
    given.setdefault("country_code", "US")
    if given.get("payment", "card") not in PAYMENTS:
        errors["payment"] = "Choose how to pay"
    if given.get("tip"):
        try:
            if to_minor(given["tip"], currency) < 0:
                errors["tip"] = "A tip is zero or more"
        except AmountRefused:
            errors["tip"] = f"Enter the tip as an amount in {currency}"
    return errors


def thank_you(shop: str, token: str) -> BaseResponse:
    own = owner(shop)
    known = checkout_of(shop, token)
    if known["order_id"] is None:
        return redirect(f"{root_of(own)}/checkouts/cn/{token}")
    order = store.state.order(shop, known["order_id"])
    entry = journal.order_entry(order)
    if wants_json(request):
        return json_answer({"order": entry})
    lines = [
        {
            "title": line["title"],
            "variant_title": line["variant_title"],
            "quantity": line["quantity"],
            "total": price_words(orders.net(line), own["currency"]),
        }
        for line in order["lines"]
    ]
    return make_response(
        render_template(
            "thank_you.html",
            **page_of(own),
            order=order,
            lines=lines,
            paid=orders.financial_status(order) == "paid",
            total=price_words(order["placed"]["total"], own["currency"]),
        )
    )


# --- pictures ---


def picture(shop: str, media: int) -> Response:
    return Response(drawing(media), content_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})


def drawing(number: int) -> str:
    """A picture for a product: two calm shapes whose colours follow from its number."""
    seed = hashlib.sha256(str(number).encode()).digest()
    hue, second = seed[0] * 360 // 256, (seed[0] * 360 // 256 + 30 + seed[1] % 60) % 360
    x, y, size = 300 + seed[2] * 2, 350 + seed[3], 220 + seed[4]
    label = html.escape(f"Picture {number}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 1200" role="img" aria-label="{label}">'
        f'<rect width="1200" height="1200" fill="hsl({hue} 32% 90%)"/>'
        f'<ellipse cx="600" cy="960" rx="360" ry="46" fill="hsl({hue} 20% 78%)"/>'
        f'<rect x="{600 - size}" y="{y}" width="{2 * size}" height="{940 - y}" rx="{size // 2}"'
        f' fill="hsl({second} 34% 58%)"/>'
        f'<circle cx="{x}" cy="{y}" r="{size // 2}" fill="hsl({hue} 38% 68%)"/></svg>'
    )
