"""What of the control API is WooCommerce's own: keys without the page of approval, keys deleted, and the webhooks."""

from __future__ import annotations

from flask import Blueprint, Response

from sandbox.store.control import answers_for, body
from sandbox.store.store import Store, json_answer
from sandbox.woocommerce.approval import make_key


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("woocommerce_control", __name__, url_prefix="/control/woocommerce")
    answers_for(room)

    @room.post("/<shop>/keys")
    def make(shop: str) -> Response:
        """{permissions}: a key pair as the merchant makes one by hand."""
        permissions = str(body().get("permissions", "read_write"))
        return json_answer(make_key(store, store.state.shop(shop), permissions, "by hand"), 201)

    @room.delete("/<shop>/keys")
    def revoke(shop: str) -> Response:
        """The merchant deletes every key."""
        found = store.state.documents("woo_key", shop)
        for key in found:
            store.state.drop_document("woo_key", key["key"])
        return json_answer({"deleted": len(found)})

    @room.get("/<shop>/webhooks")
    def webhooks(shop: str) -> Response:
        """With what the API never tells: failures in a row."""
        rows = [{name: value for name, value in hook.items() if name != "secret"}
                for hook in store.state.documents("woo_hook", shop)]  # fmt: skip
        return json_answer({"webhooks": rows})

    return room
