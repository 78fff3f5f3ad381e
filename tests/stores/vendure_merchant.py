"""What the merchant of a Vendure store does, by its Admin API, and what its buyers do, by its Shop API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.stores.rig import Rig

Doc = dict[str, Any]
ERROR = "... on ErrorResult { errorCode message }"


@dataclass
class Api:
    """One of the two APIs, with the session that it gives."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, question: str, **variables: Any) -> Doc:
        answer = requests.post(
            self.address, json={"query": question, "variables": variables}, headers=self.headers, timeout=60
        )
        token = answer.headers.get("vendure-auth-token")
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        told = answer.json()
        assert "errors" not in told, f"{question[:200]}: {str(told['errors'])[:600]}"
        data: Doc = told["data"]
        for made in data.values():
            refused = isinstance(made, dict) and made.get("errorCode")
            assert not refused, f"{question[:200]}: {made}"
        return data


@dataclass
class Merchant:
    """Signed in as the rig's administrator."""

    rig: Rig
    orders: dict[str, str] = field(default_factory=dict)  # those of the scenario under way, by name
    goods: dict[str, str] = field(default_factory=dict)  # products by name
    euros: Doc = field(default_factory=dict)  # the second channel
    code: str = ""  # of a coupon

    def __post_init__(self) -> None:
        self.admin = Api(f"{self.rig.base}/admin-api")
        self.admin('mutation { login(username: "superadmin", password: "superadmin") { __typename } }')
        self.tax = self.admin("{ taxCategories { items { id } } }")["taxCategories"]["items"][0]["id"]
        self.home: Doc = self.admin("{ activeChannel { id code token } }")["activeChannel"]

    # --- keys and channels

    def key(self, *permissions: str, channel: Doc | None = None) -> Doc:
        """A new key with a role of its own, made in this channel: `apiKey`, and `entityId` to delete it by."""
        where = channel or self.home
        made = self.admin(
            "mutation($i: CreateRoleInput!) { createRole(input: $i) { id } }",
            i={"code": "-".join(permissions), "description": "connector", "permissions": list(permissions),
               "channelIds": [where["id"]]},
        )  # fmt: skip
        there = Api(self.admin.address, {**self.admin.headers, "vendure-token": where["token"]})
        key: Doc = there(
            "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey entityId } }",
            i={"roleIds": [made["createRole"]["id"]], "translations": [{"languageCode": "en", "name": "connector"}]},
        )["createApiKey"]
        return key

    def revoke(self, key: Doc) -> None:
        self.admin("mutation($i: [ID!]!) { deleteApiKeys(ids: $i) { result } }", i=[key["entityId"]])

    def hook(self) -> Doc:
        told: Doc = self.admin("{ activeChannel { customFields { connectorAddress connectorSecret } } }")
        return dict(told["activeChannel"]["customFields"])

    def unhook(self) -> None:
        fields = {"connectorAddress": None, "connectorSecret": None}
        self.admin(
            f"mutation($i: UpdateChannelInput!) {{ updateChannel(input: $i) {{ __typename {ERROR} }} }}",
            i={"id": self.home["id"], "customFields": fields},
        )

    def second_channel(self, code: str, currency: str, products: Mapping[str, int]) -> Doc:
        """A channel with prices that contain tax, with these products and all that it takes to buy them."""
        zone = self.admin("{ activeChannel { defaultTaxZone { id } seller { id } } }")["activeChannel"]
        made: Doc = self.admin(
            "mutation($i: CreateChannelInput!) { createChannel(input: $i) "
            f"{{ ... on Channel {{ id token }} {ERROR} }} }}",
            i={"code": code, "token": f"{code}-token", "defaultLanguageCode": "en", "pricesIncludeTax": True,
               "defaultCurrencyCode": currency, "availableCurrencyCodes": [currency], "sellerId": zone["seller"]["id"],
               "defaultTaxZoneId": zone["defaultTaxZone"]["id"], "defaultShippingZoneId": zone["defaultTaxZone"]["id"]},
        )["createChannel"]  # fmt: skip
        self.admin(
            "mutation($i: AssignProductsToChannelInput!) { assignProductsToChannel(input: $i) { id } }",
            i={"channelId": made["id"], "productIds": list(products)},
        )
        for many, one, rows in (
            ("ShippingMethods", "shippingMethod", "shippingMethods"),
            ("PaymentMethods", "paymentMethod", "paymentMethods"),
            ("StockLocations", "stockLocation", "stockLocations"),
        ):  # fmt: skip
            ids = [row["id"] for row in self.admin(f"{{ {rows} {{ items {{ id }} }} }}")[rows]["items"]]
            self.admin(
                f"mutation($i: Assign{many}ToChannelInput!) {{ assign{many}ToChannel(input: $i) {{ id }} }}",
                i={"channelId": made["id"], f"{one}Ids": ids},
            )
        there = Api(self.admin.address, {**self.admin.headers, "vendure-token": made["token"]})
        for product, price in products.items():
            for variant in self.variants(product):
                there(
                    "mutation($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }",
                    i=[{"id": variant, "price": price}],
                )
        return made

    # --- goods

    def product(self, name: str, *prices: int, stock: int = 500) -> str:
        """Prices without tax, in cents."""
        slug = name.lower().replace(" ", "-")
        made = self.admin(
            "mutation($i: CreateProductInput!) { createProduct(input: $i) { id } }",
            i={"enabled": True, "translations": [
                {"languageCode": "en", "name": name, "slug": slug, "description": f"<p>{name} &amp; more</p>"}]},
        )["createProduct"]["id"]  # fmt: skip
        options: list[str] = []
        if len(prices) > 1:
            group = self.admin(
                "mutation($i: CreateProductOptionGroupInput!) "
                "{ createProductOptionGroup(input: $i) { id options { id } } }",
                i={"code": f"{slug}-size", "translations": [{"languageCode": "en", "name": "Size"}], "options": [
                    {"code": f"{slug}-{n}", "translations": [{"languageCode": "en", "name": f"No {n}"}]}
                    for n in range(len(prices))]},
            )["createProductOptionGroup"]  # fmt: skip
            options = [option["id"] for option in group["options"]]
            self.admin(
                "mutation($p: ID!, $g: ID!) { addOptionGroupToProduct(productId: $p, optionGroupId: $g) { id } }",
                p=made, g=group["id"],
            )  # fmt: skip
        self.admin(
            "mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) { id } }",
            i=[{"productId": made, "taxCategoryId": self.tax, "trackInventory": "TRUE", "stockOnHand": stock,
                "sku": f"{slug}-{number}".upper(), "price": price, "optionIds": options[number : number + 1],
                "translations": [{"languageCode": "en", "name": f"{name} {number}"}]}
               for number, price in enumerate(prices)],
        )  # fmt: skip
        return str(made)

    def variants(self, product: str) -> list[str]:
        asked = "query($p: ID!) { product(id: $p) { variants { id } } }"
        return [row["id"] for row in self.admin(asked, p=product)["product"]["variants"]]

    def change(self, variant: str, **fields: Any) -> None:
        self.admin(
            "mutation($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }",
            i=[{"id": variant, **fields}],
        )

    def name(self, good: str) -> str:
        return str(self.told()[self.goods[good]]["name"])

    def rename(self, product: str, name: str) -> None:
        self.admin(
            "mutation($i: UpdateProductInput!) { updateProduct(input: $i) { id } }",
            i={"id": product, "translations": [{"languageCode": "en", "name": name}]},
        )

    def delete(self, product: str) -> None:
        self.admin("mutation($p: ID!) { deleteProduct(id: $p) { result } }", p=product)

    def coupon(self, code: str, percent: int) -> None:
        self.admin(
            f"mutation($i: CreatePromotionInput!) {{ createPromotion(input: $i) {{ __typename {ERROR} }} }}",
            i={"enabled": True, "couponCode": code, "conditions": [],
               "translations": [{"languageCode": "en", "name": code, "description": ""}],
               "actions": [{"code": "order_percentage_discount",
                            "arguments": [{"name": "discount", "value": str(percent)}]}]},
        )  # fmt: skip

    def told(self) -> dict[str, Doc]:
        """The whole catalog as the store itself tells it, in one question; by product's id."""
        found = self.admin("""{ products(options: { take: 1000 }) { items {
            id name slug enabled description updatedAt
            featuredAsset { preview } facetValues { name facet { code } }
            variants { id sku price enabled stockLevel options { name } stockLevels { stockOnHand stockAllocated } }
        } } }""")
        return {item["id"]: item for item in found["products"]["items"]}

    # --- orders

    def buy(self, *bought: tuple[str, int, str], token: str = "", code: str = "", settle: bool = True,
            channel: str = "") -> str:  # fmt: skip
        """(variant, units, the line's token), bought by a guest in Britain, where tax is a fifth; the order's id."""
        shop = Api(f"{self.rig.base}/shop-api", {"vendure-token": channel} if channel else {})
        for variant, units, line_token in bought:
            shop(
                "mutation($v: ID!, $q: Int!, $c: OrderLineCustomFieldsInput) { addItemToOrder(productVariantId: $v, "
                f"quantity: $q, customFields: $c) {{ __typename {ERROR} }} }}",
                v=variant, q=units, c={"attributionToken": line_token} if line_token else None,
            )  # fmt: skip
        if code:
            shop(f"mutation($c: String!) {{ applyCouponCode(couponCode: $c) {{ __typename {ERROR} }} }}", c=code)
        if token:
            shop(
                f"mutation($i: UpdateOrderInput!) {{ setOrderCustomFields(input: $i) {{ __typename {ERROR} }} }}",
                i={"customFields": {"attributionToken": token}},
            )
        shop(
            f"mutation($i: CreateCustomerInput!) {{ setCustomerForOrder(input: $i) {{ __typename {ERROR} }} }}",
            i={"emailAddress": f"buyer-{bought[0][0]}-{units}@example.test", "firstName": "Sam", "lastName": "Buyer"},
        )
        shop(
            f"mutation($i: CreateAddressInput!) {{ setOrderShippingAddress(input: $i) {{ __typename {ERROR} }} }}",
            i={"fullName": "Sam Buyer", "streetLine1": "1 Test Way", "city": "Testville", "postalCode": "T1 1TT",
               "countryCode": "GB"},
        )  # fmt: skip
        method = shop("{ eligibleShippingMethods { id } }")["eligibleShippingMethods"][0]["id"]
        shop(
            f"mutation($m: [ID!]!) {{ setOrderShippingMethod(shippingMethodId: $m) {{ __typename {ERROR} }} }}",
            m=[method],
        )
        shop(f'mutation {{ transitionOrderToState(state: "ArrangingPayment") {{ __typename {ERROR} }} }}')
        order = shop(
            f"mutation($i: PaymentInput!) {{ addPaymentToOrder(input: $i) {{ ... on Order {{ id }} {ERROR} }} }}",
            i={"method": "standard-payment", "metadata": {}},
        )["addPaymentToOrder"]["id"]
        if settle:
            self.settle(order)
        return str(order)

    def order(self, ref: str) -> Doc:
        found: Doc = self.admin(
            "query($i: ID!) { order(id: $i) { id code state updatedAt totalWithTax lines { id quantity "
            "orderPlacedQuantity proratedLinePrice proratedLinePriceWithTax } "
            "payments { id state refunds { id state } } } }",
            i=ref,
        )["order"]
        return found

    def settle(self, order: str) -> None:
        payment = self.order(order)["payments"][0]["id"]
        self.admin(f"mutation($i: ID!) {{ settlePayment(id: $i) {{ __typename {ERROR} }} }}", i=payment)

    def refund(self, order: str, units: int = 0, amount: int | None = None, *, settle: bool = True) -> str:
        """Units of the first line, or a bare amount in cents; the refund's id."""
        told = self.order(order)
        lines = [{"orderLineId": told["lines"][0]["id"], "quantity": units}] if units else []
        asked: Doc = {
            "paymentId": told["payments"][0]["id"],
            "lines": lines,
            "shipping": 0,
            "adjustment": 0,
            "reason": "x",
        }
        if amount is not None:
            asked["amount"] = amount
        made = self.admin(
            f"mutation($i: RefundOrderInput!) {{ refundOrder(input: $i) {{ ... on Refund {{ id state }} {ERROR} }} }}",
            i=asked,
        )["refundOrder"]
        if settle and made["state"] == "Pending":
            self.finish_refund(made["id"])
        return str(made["id"])

    def finish_refund(self, refund: str) -> None:
        self.admin(
            f"mutation($i: SettleRefundInput!) {{ settleRefund(input: $i) {{ __typename {ERROR} }} }}",
            i={"id": refund, "transactionId": "t"},
        )

    def cancel(self, order: str, units: int | None = None) -> None:
        """Units of the first line; None: the whole order."""
        line = self.order(order)["lines"][0]["id"]
        self.admin(
            f"mutation($i: CancelOrderInput!) {{ cancelOrder(input: $i) {{ __typename {ERROR} }} }}",
            i={"orderId": order, "lines": None if units is None else [{"orderLineId": line, "quantity": units}],
               "reason": "x", "cancelShipping": units is None},
        )  # fmt: skip

    def ship(self, order: str) -> None:
        lines = [{"orderLineId": line["id"], "quantity": line["quantity"]} for line in self.order(order)["lines"]]
        arguments = [{"name": "method", "value": "post"}, {"name": "trackingCode", "value": "T"}]
        parcel = self.admin(
            "mutation($i: FulfillOrderInput!) { addFulfillmentToOrder(input: $i) "
            f"{{ ... on Fulfillment {{ id }} {ERROR} }} }}",
            i={"lines": lines, "handler": {"code": "manual-fulfillment", "arguments": arguments}},
        )["addFulfillmentToOrder"]["id"]
        for state in ("Shipped", "Delivered"):
            self.admin(
                f"mutation($i: ID!, $s: String!) {{ transitionFulfillmentToState(id: $i, state: $s) "
                f"{{ __typename {ERROR} }} }}",
                i=parcel, s=state,
            )  # fmt: skip
