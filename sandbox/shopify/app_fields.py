"""Fields about the shop and the app in it: installation, bulk operations, webhook subscriptions."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.shopify.bodies import gid
from sandbox.shopify.fields import API_VERSION, Call, connection, number_of, reads, resolves
from sandbox.shopify.nodes import node
from sandbox.store.clock import parse
from sandbox.store.state import Doc


@resolves("QueryRoot", "shop")
def shop(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    own = call.shop
    address = f"https://{own['name']}"
    offset = parse(own["updated_at"]).astimezone(ZoneInfo(own["timezone"])).strftime("%z")
    sign = -1 if offset.startswith("-") else 1
    return {
        "id": own["id"],
        "name": own["title"],
        "email": own["email"],
        "contact_email": own["email"],
        "myshopify_domain": own["name"],
        "primary_domain": {"id": gid("Domain", own["id"]), "host": own["name"], "url": address, "ssl_enabled": True},
        "url": address,
        "currency_code": own["currency"],
        "iana_timezone": own["timezone"],
        "timezone_offset": offset,
        "timezone_offset_minutes": sign * (int(offset[1:3]) * 60 + int(offset[3:5])),
        "shop_address": {"countryCodeV2": own["country"], "country": own["country"]},
        "plan": {
            "public_display_name": own["plan"],
            "partner_development": False,
            "shopify_plus": own["plan"] == "Plus",
        },
        "taxes_included": own["taxes_included"],
        "tax_shipping": own["tax_shipping"],
        "enabled_presentment_currencies": [own["currency"]],
        "created_at": own["created_at"],
        "updated_at": own["updated_at"],
        "setup_required": False,
    }


@resolves("QueryRoot", "currentAppInstallation")
def current_app_installation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    return {
        "id": call.shop["id"],
        "access_scopes": [{"handle": scope} for scope in sorted(call.scopes)],
        "app": {"id": 1234567, "handle": "connector", "title": "connector"},
    }


@resolves("QueryRoot", "bulkOperation")
def bulk_operation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return node(source, call, {"id": arguments["id"]}, ("BulkOperation",))


@resolves("QueryRoot", "bulkOperations")
def bulk_operations(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = call.services.bulk.all(call.shop["name"])[::-1]  # newest first
    for name, value in re.findall(r"(status|operation_type):(\w+)", arguments.get("query") or ""):
        rows = [row for row in rows if row["status" if name == "status" else "type"].lower() == value.lower()]
    return connection(rows, arguments)


@resolves("QueryRoot", "currentBulkOperation")
def current_bulk_operation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    rows: list[Doc] = call.services.bulk.all(call.shop["name"])
    return rows[-1] if rows else None


@resolves("Mutation", "bulkOperationRunQuery")
def bulk_run_query(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    operation, errors = call.services.bulk.start(call, arguments["query"], bool(arguments["groupObjects"]))
    return {"bulk_operation": operation, "user_errors": errors}


@resolves("Mutation", "bulkOperationCancel")
def bulk_cancel(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "BulkOperation")
    operation, errors = call.services.bulk.cancel(call.shop["name"], number)
    return {"bulk_operation": operation, "user_errors": errors}


@resolves("QueryRoot", "webhookSubscriptions")
def webhook_subscriptions(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = call.services.subscriptions.of_shop(call.shop["name"])
    if arguments.get("topics"):
        rows = [row for row in rows if row["topic"] in arguments["topics"]]
    if arguments.get("uri"):
        rows = [row for row in rows if row["uri"] == arguments["uri"]]
    return connection(rows, arguments)


@resolves("QueryRoot", "webhookSubscriptionsCount")
def webhook_subscriptions_count(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    return {"count": len(call.services.subscriptions.of_shop(call.shop["name"])), "precision": "EXACT"}


@resolves("QueryRoot", "webhookSubscription")
def webhook_subscription(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    number = number_of(arguments["id"], "WebhookSubscription")
    found: Doc | None = call.services.subscriptions.find(call.shop["name"], number)
    return found


reads(
    "WebhookSubscription",
    {
        "apiVersion": lambda _: (
            {
                "handle": API_VERSION,
                "display_name": API_VERSION,
                "supported": True,
            }
        ),
    },
)


@resolves("Mutation", "webhookSubscriptionCreate")
def subscription_create(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    made, errors = call.services.subscriptions.create(call, arguments["topic"], arguments["webhookSubscription"])
    return {"webhook_subscription": made, "user_errors": errors}


@resolves("Mutation", "webhookSubscriptionUpdate")
def subscription_update(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "WebhookSubscription")
    made, errors = call.services.subscriptions.update(call, number, arguments["webhookSubscription"])
    return {"webhook_subscription": made, "user_errors": errors}


@resolves("Mutation", "webhookSubscriptionDelete")
def subscription_delete(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "WebhookSubscription")
    if number is None or not call.services.subscriptions.delete(call.shop["name"], number):
        missing = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deleted_webhook_subscription_id": None, "user_errors": [missing]}
    return {"deleted_webhook_subscription_id": arguments["id"], "user_errors": []}


@resolves("Mutation", "appUninstall")
def app_uninstall(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.services.uninstall(call.shop["name"])
    return {"app": {"id": 1234567, "handle": "connector", "title": "connector"}, "user_errors": []}
