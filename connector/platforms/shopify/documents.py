"""Every GraphQL document that we send, as one constant each. A test holds them against the real Admin schema 2026-10.

Page sizes are variables, so that a page that Shopify finds too dear can be asked again at half the size. Numbers in
the comments are the calculated cost by the published rule (the real one is usually lower). One query may cost 1000.
"""

from __future__ import annotations

# 4
SHOP = """
query Shop {
  shop {
    id name myshopifyDomain currencyCode ianaTimezone taxesIncluded
    primaryDomain { url }
    shopAddress { countryCodeV2 }
  }
}
"""

# 2
SCOPES = """
query Scopes { currentAppInstallation { accessScopes { handle } } }
"""

# What is asked of a product, wherever. `category` is Shopify's taxonomy; the metafields are those that merchants and
# Google's channel app fill for feeds (NOTES.md). `onPublication` only where our app has a publication of its own.
_HEAD = """
      __typename id handle title vendor productType status tags updatedAt publishedAt onlineStoreUrl descriptionHtml
      isGiftCard
      category { id fullName }
      brand: metafield(namespace: "custom", key: "brand") { value }
      condition: metafield(namespace: "mm-google-shopping", key: "condition") { value }
      featuredMedia { preview { image { url } } }"""

_VARIANT = """
          __typename id title sku barcode price compareAtPrice position availableForSale inventoryQuantity
          selectedOptions { name value }
          inventoryItem { id tracked requiresShipping }
          gtin: metafield(namespace: "custom", key: "gtin") { value }
          mpn: metafield(namespace: "mm-google-shopping", key: "mpn") { value }"""

_MEDIA = "__typename id ... on MediaImage { image { url } }"
_ON_PUBLICATION = "onPublication: publishedOnPublication(publicationId: $publication) @include(if: $byPublication)"

# A product with the first of its variants and media, as pages of products and products by id ask for it.
_WHOLE = f"""{_HEAD}
      {_ON_PUBLICATION}
      variants(first: $variants) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{{_VARIANT}
        }}
      }}
      media(first: $media) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {_MEDIA} }}
      }}"""

# The query inside BULK_START: no variables, one top-level field, connections at most two deep. Every status is asked
# for, since a product that isn't shoppable is listed with its reason; the status filter of a search defaults to active.
BULK_CATALOG = f"""
query BulkCatalog {{
  products(query: "status:active,draft,archived,unlisted") {{
    edges {{ node {{{_HEAD}
      variants {{ edges {{ node {{{_VARIANT}
      }} }} }}
      media {{ edges {{ node {{ {_MEDIA} }} }} }}
    }} }}
  }}
}}
"""


def bulk_catalog(publication_id: str = "") -> str:
    """BULK_CATALOG, asking for one publication too where an id is given (a bulk query takes no variables)."""
    if not publication_id:
        return BULK_CATALOG
    asked = f'onPublication: publishedOnPublication(publicationId: "{publication_id}")'
    return BULK_CATALOG.replace("isGiftCard", f"isGiftCard {asked}", 1)


BULK_START = """
mutation BulkStart($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { id status }
    userErrors { code message }
  }
}
"""

BULK_STATE = """
query BulkState($id: ID!) {
  bulkOperation(id: $id) { id status errorCode objectCount rootObjectCount fileSize url }
}
"""

BULK_CANCEL = """
mutation BulkCancel($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { message } }
}
"""

# 6 products x 20 variants, 10 media: 774
PRODUCTS = f"""
query Products($ids: [ID!]!, $variants: Int!, $media: Int!, $publication: ID!, $byPublication: Boolean!) {{
  nodes(ids: $ids) {{
    __typename
    ... on Product {{{_WHOLE}
    }}
  }}
}}
"""

PRODUCTS_CHANGED = f"""
query ProductsChanged(
  $first: Int!, $after: String, $query: String!, $variants: Int!, $media: Int!, $publication: ID!,
  $byPublication: Boolean!
) {{
  products(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{{_WHOLE}
    }}
  }}
}}
"""

# 200 variants: 1003 at most, so 150: 753
PRODUCT_VARIANTS = f"""
query ProductVariants($id: ID!, $first: Int!, $after: String) {{
  product(id: $id) {{
    variants(first: $first, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_VARIANT}
      }}
    }}
  }}
}}
"""

PRODUCT_MEDIA = f"""
query ProductMedia($id: ID!, $first: Int!, $after: String) {{
  product(id: $id) {{
    media(first: $first, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ {_MEDIA} }}
    }}
  }}
}}
"""

# The newest change of any product: where the next incremental sync begins. 3
NEWEST_CHANGE = """
query NewestChange {
  products(first: 1, sortKey: UPDATED_AT, reverse: true, query: "status:active,draft,archived,unlisted") {
    nodes { updatedAt }
  }
}
"""

# What stock messages are about: 100 items x 2 variants: 704
STOCK = """
query Stock($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on InventoryItem {
      id tracked
      variants(first: 2) {
        nodes { id inventoryQuantity availableForSale product { id } }
      }
    }
  }
}
"""

# A market's prices: 100 variants x 4 objects: 502
MARKET_PRICES = """
query MarketPrices($ids: [ID!]!, $country: CountryCode!) {
  nodes(ids: $ids) {
    __typename
    ... on ProductVariant {
      id
      contextualPricing(context: { country: $country }) {
        price { amount currencyCode }
        compareAtPrice { amount currencyCode }
      }
    }
  }
}
"""

# Our own publication, where the app is a sales channel and read_publications is granted. 25 x (2 + 5): 227 at most
PUBLICATION = """
query Publication {
  currentAppInstallation { app { id } }
  publications(first: 25, catalogType: APP) {
    nodes { id catalog { id ... on AppCatalog { apps(first: 5) { nodes { id } } } } }
  }
}
"""

# 100 orders: 102
ORDERS_CHANGED = """
query OrdersChanged($first: Int!, $after: String, $query: String!) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes { id name createdAt updatedAt }
  }
}
"""

# A day's orders, for its proof. 100: 102
ORDERS_PLACED = """
query OrdersPlaced($first: Int!, $after: String, $query: String!) {
  orders(first: $first, after: $after, query: $query, sortKey: CREATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes { id name createdAt updatedAt }
  }
}
"""

# What is asked of an order and of each line, wherever. `disputes` and `returnStatus` need read_orders alone.
_ORDER = """
    id name createdAt updatedAt processedAt cancelledAt test sourceName sourceIdentifier currencyCode taxesIncluded
    dutiesIncluded displayFinancialStatus paymentGatewayNames returnStatus tags
    customAttributes { key value }
    totalPriceSet { shopMoney { amount } }
    totalDiscountsSet { shopMoney { amount } }
    disputes { id status }
    customer @include(if: $buyer) { id }"""

_LINE = """
        id title sku quantity currentQuantity isGiftCard requiresShipping
        customAttributes { key value }
        product { id }
        variant { id }
        originalUnitPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } discountApplication { index } }
        taxLines { priceSet { shopMoney { amount } } }"""

_APPLICATION = "__typename index ... on DiscountCodeApplication { code }"

_SHIPPING = """
        isRemoved
        discountedPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } }"""

_REFUND_LINE = """
          id quantity
          subtotalSet { shopMoney { amount } }
          totalTaxSet { shopMoney { amount } }
          lineItem { id }"""

_SHIPPING_BACK = "subtotalAmountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } }"

_ADJUSTMENT = "id reason amountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } }"

# 40 lines: 586. `customer` needs read_customers, which we don't ask for by default.
ORDER = f"""
query Order($id: ID!, $lines: Int!, $buyer: Boolean!) {{
  order(id: $id) {{{_ORDER}
    discountApplications(first: 20) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ {_APPLICATION} }}
    }}
    shippingLines(first: 5, includeRemovals: true) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_SHIPPING}
      }}
    }}
    lineItems(first: $lines) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_LINE}
      }}
    }}
    refunds(first: 1) {{ id }}
    fulfillments(first: 1) {{ id }}
  }}
}}
"""

# Small orders, several at once and whole: an order whose lists don't fit here is asked for alone.
# 6 orders x 4 lines: 978
ORDERS = f"""
query Orders($ids: [ID!]!, $lines: Int!, $buyer: Boolean!) {{
  nodes(ids: $ids) {{
    ... on Order {{{_ORDER}
      discountApplications(first: 3) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {_APPLICATION} }}
      }}
      shippingLines(first: 1, includeRemovals: true) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{{_SHIPPING}
        }}
      }}
      lineItems(first: $lines) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{{_LINE}
        }}
      }}
      everyRefund: refunds(first: 2) {{
        id createdAt processedAt
        refundLineItems(first: 2) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{{_REFUND_LINE}
          }}
        }}
        refundShippingLines(first: 1) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ {_SHIPPING_BACK} }}
        }}
        orderAdjustments(first: 1) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ {_ADJUSTMENT} }}
        }}
        transactions(first: 2) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ id kind status }} }}
      }}
      parcels: fulfillments(first: 2) {{
        id createdAt updatedAt status displayStatus
        fulfillmentLineItems(first: $lines) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ quantity lineItem {{ id }} }}
        }}
      }}
    }}
  }}
}}
"""

# Only where the store's prices contain duties. 100 lines: 403
ORDER_DUTIES = """
query OrderDuties($id: ID!, $first: Int!, $after: String) {
  order(id: $id) {
    updatedAt
    lineItems(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id duties { price { shopMoney { amount } } } }
    }
  }
}
"""

ORDER_LINES = f"""
query OrderLines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{
    updatedAt
    lineItems(first: $first, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_LINE}
      }}
    }}
  }}
}}
"""

ORDER_APPLICATIONS = """
query OrderApplications($id: ID!, $first: Int!, $after: String) {
  order(id: $id) {
    updatedAt
    discountApplications(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { __typename index ... on DiscountCodeApplication { code } }
    }
  }
}
"""

ORDER_SHIPPING = """
query OrderShipping($id: ID!, $first: Int!, $after: String) {
  order(id: $id) {
    updatedAt
    shippingLines(first: $first, after: $after, includeRemovals: true) {
      pageInfo { hasNextPage endCursor }
      nodes {
        isRemoved
        discountedPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } }
      }
    }
  }
}
"""

# What happened to an order since. 4 refunds x 10 lines, 5 fulfilments x 20 lines: 772
AFTERMATH = """
query Aftermath($id: ID!, $refunds: Int!, $fulfilments: Int!) {
  order(id: $id) {
    updatedAt
    refunds(first: $refunds) {
      id createdAt processedAt
      refundLineItems(first: 10) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id quantity
          subtotalSet { shopMoney { amount } }
          totalTaxSet { shopMoney { amount } }
          lineItem { id }
        }
      }
      refundShippingLines(first: 2) {
        pageInfo { hasNextPage endCursor }
        nodes { subtotalAmountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } } }
      }
      orderAdjustments(first: 10) {
        pageInfo { hasNextPage endCursor }
        nodes { id reason amountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } } }
      }
      transactions(first: 10) { pageInfo { hasNextPage endCursor } nodes { id kind status } }
    }
    fulfillments(first: $fulfilments) {
      id createdAt updatedAt status displayStatus
      fulfillmentLineItems(first: 20) {
        pageInfo { hasNextPage endCursor }
        nodes { quantity lineItem { id } }
      }
    }
  }
}
"""

# `refunds` and `fulfillments` are plain lists without a cursor: all ids, then each alone. 501
AFTERMATH_IDS = """
query AftermathIds($id: ID!) {
  order(id: $id) { updatedAt refunds(first: 250) { id } fulfillments(first: 250) { id } }
}
"""

# 50 rows of each list: 659
REFUND = """
query Refund(
  $id: ID!, $first: Int!, $lines: String, $shipping: String, $adjustments: String, $transactions: String
) {
  refund(id: $id) {
    id createdAt processedAt
    refundLineItems(first: $first, after: $lines) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id quantity
        subtotalSet { shopMoney { amount } }
        totalTaxSet { shopMoney { amount } }
        lineItem { id }
      }
    }
    refundShippingLines(first: 10, after: $shipping) {
      pageInfo { hasNextPage endCursor }
      nodes { subtotalAmountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } } }
    }
    orderAdjustments(first: $first, after: $adjustments) {
      pageInfo { hasNextPage endCursor }
      nodes { id reason amountSet { shopMoney { amount } } taxAmountSet { shopMoney { amount } } }
    }
    transactions(first: $first, after: $transactions) {
      pageInfo { hasNextPage endCursor }
      nodes { id kind status }
    }
  }
}
"""

FULFILMENT = """
query Fulfilment($id: ID!, $first: Int!, $after: String) {
  fulfillment(id: $id) {
    id createdAt updatedAt status displayStatus
    fulfillmentLineItems(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { quantity lineItem { id } }
    }
  }
}
"""

SUBSCRIPTIONS = """
query Subscriptions($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id topic uri format filter includeFields apiVersion { handle } }
  }
}
"""

SUBSCRIBE = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) { userErrors { message } }
}
"""

UNSUBSCRIBE = """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) { userErrors { message } }
}
"""

# How the buyer came, by the store's own analytics: asked only of an order that brought no token by itself. 6
ORDER_JOURNEY = """
query OrderJourney($id: ID!) {
  order(id: $id) {
    customerJourneySummary {
      firstVisit { landingPage referralCode utmParameters { content } }
      lastVisit { landingPage referralCode utmParameters { content } }
    }
  }
}
"""

# The same of several orders, where they are read together.
ORDER_JOURNEYS = """
query OrderJourneys($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Order {
      id
      customerJourneySummary {
        firstVisit { landingPage referralCode utmParameters { content } }
        lastVisit { landingPage referralCode utmParameters { content } }
      }
    }
  }
}
"""

# --- sample orders ----------------------------------------------------------------------------------------------------

# By our reference, which is a tag of the draft, and so of the order that it becomes. 22
SAMPLE_FIND = """
query SampleFind($query: String!) {
  orders(first: 3, query: $query) { nodes { id name cancelledAt tags } }
  draftOrders(first: 3, query: $query) { nodes { id tags order { id name cancelledAt } } }
}
"""

SAMPLE_DRAFT = """
mutation SampleDraft($input: DraftOrderInput!) {
  draftOrderCreate(input: $input) {
    draftOrder { id tags totalPriceSet { shopMoney { amount } } }
    userErrors { field message }
  }
}
"""

SAMPLE_COMPLETE = """
mutation SampleComplete($id: ID!) {
  draftOrderComplete(id: $id) {
    draftOrder { id tags order { id name cancelledAt } }
    userErrors { field message }
  }
}
"""

SAMPLE_DRAFT_STATE = """
query SampleDraftState($id: ID!) {
  draftOrder(id: $id) { id tags order { id name cancelledAt } }
}
"""

SAMPLE_STATE = """
query SampleState($id: ID!) {
  order(id: $id) { id name cancelledAt displayFulfillmentStatus tags }
}
"""

SAMPLE_CANCEL = """
mutation SampleCancel($id: ID!, $note: String!) {
  orderCancel(
    orderId: $id, reason: OTHER, restock: true, notifyCustomer: false, staffNote: $note,
    refundMethod: { originalPaymentMethodsRefund: false }
  ) {
    job { id }
    orderCancelUserErrors { field message code }
  }
}
"""

ALL = (
    SAMPLE_FIND, SAMPLE_DRAFT, SAMPLE_COMPLETE, SAMPLE_DRAFT_STATE, SAMPLE_STATE, SAMPLE_CANCEL,
    SHOP, SCOPES, BULK_CATALOG, BULK_START, BULK_STATE, BULK_CANCEL, PRODUCTS, PRODUCTS_CHANGED, PRODUCT_VARIANTS,
    PRODUCT_MEDIA, NEWEST_CHANGE, STOCK, MARKET_PRICES, PUBLICATION, ORDERS_CHANGED, ORDERS_PLACED, ORDER, ORDERS,
    ORDER_DUTIES, ORDER_LINES, ORDER_APPLICATIONS, ORDER_SHIPPING, AFTERMATH, AFTERMATH_IDS,
    ORDER_JOURNEY, ORDER_JOURNEYS, REFUND, FULFILMENT, SUBSCRIPTIONS, SUBSCRIBE, UNSUBSCRIBE,
)  # fmt: skip
