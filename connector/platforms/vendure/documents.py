"""The questions that we ask of Vendure's Admin API, as they were answered by version 3.7.3.

Custom fields can be named only where the store has them: an unknown field refuses the whole question. `orders()` makes
the question for the fields that there are.
"""

from __future__ import annotations

from functools import cache

CHANNEL = """query Channel {
  activeChannel { id code token defaultCurrencyCode defaultLanguageCode pricesIncludeTax seller { name } }
  globalSettings { serverConfig {
    moneyStrategyPrecision
    entityCustomFields { entityName customFields { ... on CustomField { name } } }
  } }
}"""

REACH = """query Reach {
  products(options: { take: 1 }) { totalItems }
  orders(options: { take: 1 }) { totalItems }
}"""

SAMPLE = """query Sample {
  productVariants(options: { take: 1, sort: { id: ASC } }) { items { name price currencyCode } }
}"""

PRODUCTS = """query Products($options: ProductListOptions) {
  activeChannel { id pricesIncludeTax }
  products(options: $options) {
    totalItems
    items {
      id updatedAt enabled name slug description
      featuredAsset { preview } assets { preview }
      facetValues { name facet { code } }
    }
  }
}"""

VARIANTS = """query Variants($options: ProductVariantListOptions) {
  activeChannel { id pricesIncludeTax }
  globalSettings { trackInventory outOfStockThreshold }
  productVariants(options: $options) {
    totalItems
    items {
      id productId updatedAt enabled name sku price priceWithTax currencyCode
      trackInventory outOfStockThreshold useGlobalOutOfStockThreshold
      stockLevels { stockOnHand stockAllocated }
      prices { price currencyCode }
      options { name group { name } }
      featuredAsset { preview }
    }
  }
}"""

PRODUCTS_CHANGED = """query ProductsChanged($options: ProductListOptions) {
  activeChannel { id }
  changed: products(options: $options) { totalItems items { id updatedAt } }
}"""

VARIANTS_CHANGED = """query VariantsChanged($options: ProductVariantListOptions) {
  activeChannel { id }
  changed: productVariants(options: $options) { totalItems items { id updatedAt productId } }
}"""

NEWEST_CHANGE = """query NewestChange {
  products(options: { take: 1, sort: { updatedAt: DESC } }) { totalItems items { id updatedAt } }
  productVariants(options: { take: 1, sort: { updatedAt: DESC } }) { totalItems items { id updatedAt } }
}"""

HEADS = """query Heads($options: OrderListOptions) {
  activeChannel { id }
  orders(options: $options) {
    totalItems
    items { id code createdAt updatedAt orderPlacedAt payments { updatedAt refunds { updatedAt } } }
  }
}"""

HOOK = """query Hook {
  activeChannel { id customFields { connectorAddress connectorSecret } }
}"""

SET_HOOK = """mutation SetHook($input: UpdateChannelInput!) {
  updateChannel(input: $input) { __typename ... on ErrorResult { errorCode } }
}"""


@cache
def orders(order_field: str, line_field: str) -> str:
    """The question for whole orders. The names of the custom fields that hold tokens; "" where there is none."""
    on_order = f"customFields {{ {order_field} }}" if order_field else ""
    on_line = f"customFields {{ {line_field} }}" if line_field else ""
    return f"""query Orders($options: OrderListOptions) {{
  activeChannel {{ id }}
  orders(options: $options) {{
    totalItems
    items {{
      id code state active type createdAt updatedAt orderPlacedAt currencyCode totalWithTax shippingWithTax
      couponCodes promotions {{ id couponCode }} {on_order}
      lines {{
        id updatedAt quantity orderPlacedQuantity unitPriceWithTax
        proratedUnitPrice proratedUnitPriceWithTax proratedLinePrice proratedLinePriceWithTax
        discounts {{ adjustmentSource amountWithTax }}
        productVariant {{ id sku name product {{ id }} }} {on_line}
      }}
      surcharges {{ id description sku price priceWithTax }}
      modifications {{ id }}
      payments {{
        id createdAt updatedAt state amount
        refunds {{ id createdAt updatedAt state total shipping lines {{ orderLineId quantity }} }}
      }}
      fulfillments {{ id createdAt updatedAt state lines {{ orderLineId quantity }} }}
      history(options: {{ take: 50, sort: {{ createdAt: DESC }},
          filter: {{ type: {{ eq: "ORDER_STATE_TRANSITION" }} }} }}) {{ items {{ createdAt data }} }}
      customer {{ id emailAddress phoneNumber }}
    }}
  }}
}}"""


# --- sample orders ----------------------------------------------------------------------------------------------------

# Does the key's role hold what a sample takes? Each question names nothing that there is, and so changes nothing.
SAMPLE_REACH = {
    "CreateOrder": 'mutation MaySampleDraft { asked: unsetDraftOrderShippingAddress(orderId: "0") { id } }',
    "UpdateOrder": 'mutation MaySampleOrder { asked: transitionOrderToState(id: "0", state: "Cancelled") '
    "{ __typename } }",
    "CreatePromotion": "mutation MaySamplePromotion { asked: createPromotion(input: "
    "{ enabled: false, conditions: [], actions: [], translations: [] }) { __typename } }",
    "DeletePromotion": 'mutation MaySampleEnd { asked: deletePromotion(id: "0") { result } }',
}

SAMPLE_FIND = """query SampleFind($reference: String!) {
  activeChannel { id }
  orders(options: { take: 5, filter: { transactionId: { eq: $reference } } }) { items { id code state } }
}"""

SAMPLE_STATE = """query SampleState($order: ID!) {
  activeChannel { id }
  order(id: $order) { id code state fulfillments { state } }
}"""

SAMPLE_DRAFT = """mutation SampleDraft { draft: createDraftOrder { id } }"""

SAMPLE_FILL = """mutation SampleFill(
  $order: ID!, $item: AddItemToDraftOrderInput!, $address: CreateAddressInput!, $customer: CreateCustomerInput
) {
  item: addItemToDraftOrder(orderId: $order, input: $item) { __typename ... on ErrorResult { errorCode } }
  address: setDraftOrderShippingAddress(orderId: $order, input: $address) { id }
  customer: setCustomerForDraftOrder(orderId: $order, input: $customer) { __typename ... on ErrorResult { errorCode } }
}"""

SAMPLE_CUSTOMER = """mutation SampleCustomer($order: ID!, $customer: CreateCustomerInput) {
  customer: setCustomerForDraftOrder(orderId: $order, input: $customer) { __typename ... on ErrorResult { errorCode } }
}"""

SAMPLE_SHIPPING = """query SampleShipping($order: ID!) {
  methods: eligibleShippingMethodsForDraftOrder(orderId: $order) { id price }
}"""

SAMPLE_FREE = """mutation SampleFree($order: ID!, $method: ID!, $promotion: CreatePromotionInput!, $code: String!) {
  shipping: setDraftOrderShippingMethod(orderId: $order, shippingMethodId: $method) {
    __typename ... on ErrorResult { errorCode }
  }
  promotion: createPromotion(input: $promotion) {
    __typename ... on Promotion { id } ... on ErrorResult { errorCode }
  }
  free: applyCouponCodeToDraftOrder(orderId: $order, couponCode: $code) {
    __typename ... on Order { totalWithTax } ... on ErrorResult { errorCode }
  }
}"""

SAMPLE_PAY = """mutation SamplePay($order: ID!, $note: AddNoteToOrderInput!, $payment: ManualPaymentInput!) {
  ready: transitionOrderToState(id: $order, state: "ArrangingPayment") { __typename ... on ErrorResult { errorCode } }
  note: addNoteToOrder(input: $note) { id }
  paid: addManualPaymentToOrder(input: $payment) {
    __typename ... on Order { id code state } ... on ErrorResult { errorCode }
  }
}"""

SAMPLE_END = """mutation SampleEnd($promotion: ID!) { ended: deletePromotion(id: $promotion) { result } }"""

SAMPLE_DROP = """mutation SampleDrop($order: ID!) {
  dropped: transitionOrderToState(id: $order, state: "Cancelled") { __typename ... on ErrorResult { errorCode } }
}"""

SAMPLE_CANCEL = """mutation SampleCancel($input: CancelOrderInput!) {
  cancelled: cancelOrder(input: $input) { __typename ... on Order { state } ... on ErrorResult { errorCode } }
}"""
