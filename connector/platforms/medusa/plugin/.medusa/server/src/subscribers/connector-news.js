"use strict"
// Medusa's events hold ids only, and so does what we send: connector reads the order or the product itself.
const { put } = require("../lib/outbox")

const OF_ORDERS = [
  "order.placed", "order.updated", "order.canceled", "order.completed", "order.archived", "order.fulfillment_created",
  "order.fulfillment_canceled", "order.return_requested", "order.return_received", "order.claim_created",
  "order.exchange_created", "order-edit.confirmed",
]
const OF_PAYMENTS = ["payment.captured", "payment.refunded"]
const OF_PARCELS = ["shipment.created", "delivery.created"]
const OF_PRODUCTS = ["product.created", "product.updated", "product.deleted"]
const OF_VARIANTS = ["product-variant.created", "product-variant.updated", "product-variant.deleted"]
const OF_STOCK = ["inventory.inventory-level.created", "inventory.inventory-level.updated", "inventory.inventory-level.deleted"]

async function one(query, entity, fields, id) {
  const { data } = await query.graph({ entity, fields, filters: { id } })
  return data[0] || null
}

async function about(query, topic, data) {
  if (OF_ORDERS.includes(topic)) return { order: data.order_id || data.id }
  if (OF_PAYMENTS.includes(topic)) {
    const payment = await one(query, "payment", ["id", "payment_collection.order.id"], data.id)
    const order = payment && payment.payment_collection && payment.payment_collection.order
    return order ? { order: order.id } : null
  }
  if (OF_PARCELS.includes(topic)) {
    const parcel = await one(query, "fulfillment", ["id", "order.id"], data.id)
    return parcel && parcel.order ? { order: parcel.order.id } : null
  }
  if (OF_PRODUCTS.includes(topic)) return { product: data.id }
  if (OF_VARIANTS.includes(topic)) {
    if (data.product_id) return { product: data.product_id }
    const variant = await one(query, "variant", ["id", "product_id"], data.id)
    return variant ? { product: variant.product_id } : null // a deleted one: its product's own event tells, or polling
  }
  const level = await one(query, "inventory_level", ["id", "inventory_item_id"], data.id)
  return level ? { item: level.inventory_item_id } : null
}

async function news({ event, container }) {
  const query = container.resolve("query")
  for (const data of Array.isArray(event.data) ? event.data : [event.data]) {
    const what = await about(query, event.name, data)
    if (what) await put(container, event.name, { id: data.id || null, ...what })
  }
}

module.exports = {
  default: news,
  config: {
    event: [...OF_ORDERS, ...OF_PAYMENTS, ...OF_PARCELS, ...OF_PRODUCTS, ...OF_VARIANTS, ...OF_STOCK],
    context: { subscriberId: "connector-news" },
  },
}
