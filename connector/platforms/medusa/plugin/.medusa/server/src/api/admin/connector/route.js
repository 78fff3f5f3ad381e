"use strict"
// GET tells how the plug-in stands; POST {address, secret} says where news goes, DELETE that none goes any more. Medusa guards everything under /admin.
const { aim, flush, forget, state, target } = require("../../../lib/outbox")

async function GET(req, res) {
  res.json({ connector: await state(req.scope) })
}

async function POST(req, res) {
  const { address, secret } = req.body || {}
  let url = null
  try { url = new URL(address) } catch { /* said below */ }
  const local = url && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname)
  if (!url || (url.protocol !== "https:" && !local) || typeof secret !== "string" || secret.length < 32) {
    res.status(400).json({ type: "invalid_data", message: "address must be https, secret at least 32 characters" })
    return
  }
  const before = await target(req.scope)
  // What the merchant put into the server's environment is not ours to change.
  if (!before || before.by !== "environment") await aim(req.scope, address, secret)
  flush(req.scope).catch(() => {})
  res.json({ connector: await state(req.scope) })
}

async function DELETE(req, res) {
  await forget(req.scope)
  res.json({ connector: await state(req.scope) })
}

module.exports = { GET, POST, DELETE }
