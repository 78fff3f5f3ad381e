"""A stand-in for the part of the Storefront API that makes carts: `cartCreate` and the cart's checkout address.

Types are cut from the public reference to what a cart with attributes needs (Storefront API 2026-10); no token is
asked for, as Shopify serves carts without one. Quantities above the stock are clamped with a warning, and no user
error, as there. Switch `api_fail` of the misbehaviour fails these calls too.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response, abort, redirect, request
from graphql import GraphQLError, build_schema, graphql_sync
from werkzeug.wrappers import Response as BaseResponse

from sandbox.shopify.bodies import gid
from sandbox.shopify.fields import number_of
from sandbox.shopify.store import Store, json_answer
from sandbox.store import products
from sandbox.store.state import Doc

MOST_LINES = 250
SCHEMA = build_schema(
    """
    type Query { shop: Shop! cart(id: ID!): Cart }
    type Mutation { cartCreate(input: CartInput): CartCreatePayload }
    scalar URL
    type Shop { name: String! }
    input AttributeInput { key: String! value: String! }
    input CartLineInput { merchandiseId: ID! quantity: Int = 1 attributes: [AttributeInput!] }
    input CartInput {
      lines: [CartLineInput!]
      attributes: [AttributeInput!]
      discountCodes: [String!]
      note: String
    }
    type Attribute { key: String! value: String }
    type ProductVariant { id: ID! }
    type CartLine { id: ID! quantity: Int! attributes: [Attribute!]! merchandise: ProductVariant! }
    type CartLineEdge { node: CartLine! }
    type CartLineConnection { edges: [CartLineEdge!]! nodes: [CartLine!]! }
    type CartDiscountCode { code: String! applicable: Boolean! }
    type Cart {
      id: ID!
      checkoutUrl: URL!
      totalQuantity: Int!
      note: String
      attributes: [Attribute!]!
      discountCodes: [CartDiscountCode!]!
      lines(first: Int, after: String): CartLineConnection!
    }
    type CartUserError { code: String field: [String!] message: String! }
    type CartWarning { code: String! message: String! target: ID! }
    type CartCreatePayload { cart: Cart userErrors: [CartUserError!]! warnings: [CartWarning!]! }
    """
)


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("storefront_api", __name__, url_prefix="/shops/<shop>")

    @room.post("/api/<version>/graphql.json")
    def ask(shop: str, version: str) -> Response:
        own = _owner(store, shop)
        switches = store.misbehaviour.switches(shop)
        if store.misbehaviour.picks("api_fail", shop):
            return json_answer({"errors": [{"message": "Internal error"}]}, int(switches["api_fail_status"]))
        given = request.get_json(silent=True) or {}
        made = graphql_sync(
            SCHEMA,
            str(given.get("query", "")),
            _Root(store, own),
            variable_values=given.get("variables") or {},
        )
        answer: dict[str, Any] = {"data": made.data}
        if made.errors:
            answer["errors"] = [{"message": error.message} for error in made.errors]
        return json_answer(answer)

    @room.get("/cart/c/<token>")
    def open_cart(shop: str, token: str) -> BaseResponse:
        """Where `checkoutUrl` leads: a visit whose first page says nothing but the cart, and on to the checkout."""
        own = _owner(store, shop)
        cart = store.state.document("api_cart", token)
        if cart is None or not secrets.compare_digest(cart["key"], request.args.get("key", "")):
            abort(404)
        checkout = secrets.token_hex(16)
        store.state.put_document(
            "checkout",
            checkout,
            own["name"],
            {
                "token": checkout, "cart": cart["cart"], "session": f"{own['name']}/none", "prefill": {},
                "landing_site": f"/cart/c/{token}", "ref": None, "referring_site": request.headers.get("Referer"),
                "order_id": None,
            },
        )  # fmt: skip
        return redirect(f"/shops/{shop}/checkouts/cn/{checkout}")

    return room


def _owner(store: Store, name: str) -> Doc:
    try:
        return store.state.shop(name)
    except KeyError:
        abort(404)


class _Root:
    """Resolves the two fields that do anything; the others are read off the documents that they give."""

    def __init__(self, store: Store, shop: Doc) -> None:
        self.store, self.own = store, shop

    def shop(self, _info: Any) -> Doc:
        return {"name": self.own["title"]}

    def cart(self, _info: Any, id: str) -> Doc | None:  # noqa: A002
        token = id.removeprefix("gid://shopify/Cart/").partition("?")[0]
        found = self.store.state.document("api_cart", token)
        return None if found is None else self._shown(found)

    def cartCreate(self, _info: Any, input: Doc | None = None) -> Doc:  # noqa: A002, N802
        asked = input or {}
        lines, errors, warnings = [], [], []
        if len(asked.get("lines") or []) > MOST_LINES:
            raise GraphQLError(f"The input array size is greater than the maximum allowed of {MOST_LINES}.")
        for place, row in enumerate(asked.get("lines") or []):
            field = ["input", "lines", str(place), "merchandiseId"]
            variant = self._variant(row["merchandiseId"])
            if variant is None:
                message = f"The merchandise with id {row['merchandiseId']} does not exist."
                errors.append({"code": "INVALID", "field": field, "message": message})
                continue
            quantity = int(row.get("quantity", 1))
            if not products.available(variant):
                warnings.append(
                    {"code": "MERCHANDISE_OUT_OF_STOCK", "message": "Sold out.", "target": row["merchandiseId"]}
                )
                continue
            lines.append(
                {
                    "key": secrets.token_hex(6), "variant_id": variant["id"], "quantity": max(1, quantity),
                    "properties": [
                        {"name": pair["key"], "value": pair["value"]} for pair in row.get("attributes") or []
                    ],
                }
            )  # fmt: skip
        if errors:
            return {"cart": None, "userErrors": errors, "warnings": warnings}
        return {"cart": self._shown(self._keep(asked, lines)), "userErrors": [], "warnings": warnings}

    def _variant(self, merchandise: str) -> Doc | None:
        number = number_of(merchandise, "ProductVariant")
        try:
            return None if number is None else self.store.state.variant(self.own["name"], number)
        except KeyError:
            return None

    def _keep(self, asked: Doc, lines: list[Doc]) -> Doc:
        token = f"hWN1{secrets.token_hex(10)}"
        codes = [code for code in asked.get("discountCodes") or [] if code.upper() in self.own["discount_codes"]]
        cart = {
            "token": token, "lines": lines, "note": asked.get("note"), "discounts": codes,
            "attributes": {pair["key"]: pair["value"] for pair in asked.get("attributes") or []},
        }  # fmt: skip
        kept = {"token": token, "key": secrets.token_hex(16), "cart": cart}
        self.store.state.put_document("api_cart", token, self.own["name"], kept)
        return kept

    def _shown(self, kept: Doc) -> Doc:
        cart, key = kept["cart"], kept["key"]
        nodes = [
            {
                "id": f"gid://shopify/CartLine/{line['key']}", "quantity": line["quantity"],
                "attributes": [{"key": pair["name"], "value": pair["value"]} for pair in line["properties"]],
                "merchandise": {"id": gid("ProductVariant", line["variant_id"])},
            }
            for line in cart["lines"]
        ]  # fmt: skip
        return {
            "id": f"gid://shopify/Cart/{kept['token']}?key={key}",
            "checkoutUrl": f"{self.store.origin(self.own['name'])}/cart/c/{kept['token']}?key={key}",
            "totalQuantity": sum(line["quantity"] for line in cart["lines"]),
            "note": cart["note"],
            "attributes": [{"key": name, "value": value} for name, value in cart["attributes"].items()],
            "discountCodes": [{"code": code, "applicable": True} for code in cart["discounts"]],
            "lines": {"edges": [{"node": node} for node in nodes], "nodes": nodes},
        }
