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

# The query inside BULK_START: no variables, one top-level field, connections at most two deep. Every status is asked
# for, since a product that isn't shoppable is listed with its reason; the status filter of a search defaults to active.
BULK_CATALOG = """
query BulkCatalog {
  products(query: "status:active,draft,archived,unlisted") {
    edges { node {
      __typename id handle title vendor productType status tags updatedAt publishedAt onlineStoreUrl descriptionHtml
      isGiftCard
      featuredMedia { preview { image { url } } }
      variants { edges { node {
        __typename id title sku barcode price compareAtPrice position availableForSale inventoryQuantity
        selectedOptions { name value }
        inventoryItem { tracked requiresShipping }
      } } }
      media { edges { node { __typename id ... on MediaImage { image { url } } } } }
    } }
  }
}
"""

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

# 8 products x 20 variants, 10 media: 704
PRODUCTS = """
query Products($ids: [ID!]!, $variants: Int!, $media: Int!) {
  nodes(ids: $ids) {
    __typename
    ... on Product {
      id handle title vendor productType status tags updatedAt publishedAt onlineStoreUrl descriptionHtml isGiftCard
      featuredMedia { preview { image { url } } }
      variants(first: $variants) {
        pageInfo { hasNextPage endCursor }
        nodes {
          __typename id title sku barcode price compareAtPrice position availableForSale inventoryQuantity
          selectedOptions { name value }
          inventoryItem { tracked requiresShipping }
        }
      }
      media(first: $media) {
        pageInfo { hasNextPage endCursor }
        nodes { __typename id ... on MediaImage { image { url } } }
      }
    }
  }
}
"""

PRODUCTS_CHANGED = """
query ProductsChanged($first: Int!, $after: String, $query: String!, $variants: Int!, $media: Int!) {
  products(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      __typename id handle title vendor productType status tags updatedAt publishedAt onlineStoreUrl descriptionHtml
      isGiftCard
      featuredMedia { preview { image { url } } }
      variants(first: $variants) {
        pageInfo { hasNextPage endCursor }
        nodes {
          __typename id title sku barcode price compareAtPrice position availableForSale inventoryQuantity
          selectedOptions { name value }
          inventoryItem { tracked requiresShipping }
        }
      }
      media(first: $media) {
        pageInfo { hasNextPage endCursor }
        nodes { __typename id ... on MediaImage { image { url } } }
      }
    }
  }
}
"""

# 200 variants: 603
PRODUCT_VARIANTS = """
query ProductVariants($id: ID!, $first: Int!, $after: String) {
  product(id: $id) {
    variants(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        __typename id title sku barcode price compareAtPrice position availableForSale inventoryQuantity
        selectedOptions { name value }
        inventoryItem { tracked requiresShipping }
      }
    }
  }
}
"""

PRODUCT_MEDIA = """
query ProductMedia($id: ID!, $first: Int!, $after: String) {
  product(id: $id) {
    media(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { __typename id ... on MediaImage { image { url } } }
    }
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

# 40 lines: 585. `customer` needs read_customers, which we don't ask for by default.
ORDER = """
query Order($id: ID!, $lines: Int!, $buyer: Boolean!) {
  order(id: $id) {
    id name createdAt updatedAt processedAt cancelledAt test sourceName sourceIdentifier currencyCode taxesIncluded
    displayFinancialStatus tags
    customAttributes { key value }
    totalPriceSet { shopMoney { amount } }
    totalDiscountsSet { shopMoney { amount } }
    customer @include(if: $buyer) { id }
    discountApplications(first: 20) {
      pageInfo { hasNextPage endCursor }
      nodes { __typename index ... on DiscountCodeApplication { code } }
    }
    shippingLines(first: 5, includeRemovals: true) {
      pageInfo { hasNextPage endCursor }
      nodes {
        isRemoved
        discountedPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } }
      }
    }
    lineItems(first: $lines) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id title sku quantity currentQuantity isGiftCard requiresShipping
        customAttributes { key value }
        product { id }
        variant { id }
        originalUnitPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } discountApplication { index } }
        taxLines { priceSet { shopMoney { amount } } }
      }
    }
    refunds(first: 1) { id }
    fulfillments(first: 1) { id }
  }
}
"""

ORDER_LINES = """
query OrderLines($id: ID!, $first: Int!, $after: String) {
  order(id: $id) {
    updatedAt
    lineItems(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id title sku quantity currentQuantity isGiftCard requiresShipping
        customAttributes { key value }
        product { id }
        variant { id }
        originalUnitPriceSet { shopMoney { amount } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } discountApplication { index } }
        taxLines { priceSet { shopMoney { amount } } }
      }
    }
  }
}
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

# What happened to an order since. 4 refunds x 10 lines, 5 fulfilments x 20 lines: 724
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

# 50 rows of each list: 662
REFUND = """
query Refund($id: ID!, $first: Int!, $lines: String, $adjustments: String, $transactions: String) {
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

ALL = (
    SHOP, SCOPES, BULK_CATALOG, BULK_START, BULK_STATE, BULK_CANCEL, PRODUCTS, PRODUCTS_CHANGED, PRODUCT_VARIANTS,
    PRODUCT_MEDIA, ORDERS_CHANGED, ORDER, ORDER_LINES, ORDER_APPLICATIONS, ORDER_SHIPPING, AFTERMATH, AFTERMATH_IDS,
    REFUND, FULFILMENT, SUBSCRIPTIONS, SUBSCRIBE, UNSUBSCRIBE,
)  # fmt: skip
