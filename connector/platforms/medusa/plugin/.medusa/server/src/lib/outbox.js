"use strict"
// News waits in a table of ours, so that it outlives a restart, and is sent again with growing pauses until it is taken.
// One table holds where it goes, the other what waits. Both are made on first use: nothing has to be migrated.
const crypto = require("crypto")

const TRIES = 20 // the last ones an hour apart: about twelve hours in all
const LONGEST_PAUSE = 3600 // seconds
const TIMEOUT = 10_000 // milliseconds
const AT_ONCE = 10
const KEPT_DAYS = 3 // of what was taken or given up, to be looked at
const LEASE = 150 // seconds that one server has some deliveries to itself: longer than they can take
const LONGEST_REST = 60 // seconds after an attempt that found nobody, before any other is made

let ready = null
let timer = null
let sending = null
let silences = 0 // attempts in a row that found nobody
let restsUntil = 0

const database = (container) => container.resolve("__pg_connection__")
const logger = (container) => container.resolve("logger")

function tables(container) {
  if (!ready) {
    // Two servers that start at once may both find no table; the loser's error is no reason to stop.
    const make = (sql) => database(container).raw(sql).catch((error) => {
      if (!/already exists|duplicate key/.test(error.message)) throw error
    })
    ready = make(`create table if not exists connector_target (
        one boolean primary key default true check (one), address text not null, secret text not null,
        set_at timestamptz not null default now())`)
      .then(() => make(`create table if not exists connector_outbox (
        seq bigserial primary key, id text not null, topic text not null, body text not null, made_at timestamptz not null default now(),
        attempts int not null default 0, due timestamptz not null default now(), done timestamptz, said text)`))
      .then(() => make("create index if not exists connector_outbox_due on connector_outbox (due) where done is null"))
      .catch((error) => { ready = null; throw error })
  }
  return ready
}

// What was pasted into the server's environment counts before what connector set by itself.
async function target(container) {
  const address = process.env.CONNECTOR_ADDRESS
  const secret = process.env.CONNECTOR_SECRET
  if (address && secret) return { address, secret, by: "environment" }
  await tables(container)
  const { rows } = await database(container).raw("select address, secret from connector_target")
  return rows.length ? { ...rows[0], by: "connector" } : null
}

async function aim(container, address, secret) {
  silences = restsUntil = 0 // another place may answer at once
  await tables(container)
  await database(container).raw(
    `insert into connector_target (one, address, secret) values (true, ?, ?)
     on conflict (one) do update set address = excluded.address, secret = excluded.secret, set_at = now()`, [address, secret])
}

async function forget(container) {
  await tables(container)
  await database(container).raw("delete from connector_target")
  await database(container).raw("delete from connector_outbox where done is null")
}

async function put(container, topic, data) {
  if (!(await target(container))) return
  await tables(container)
  const body = JSON.stringify({ topic, made_at: new Date().toISOString(), data })
  await database(container).raw("insert into connector_outbox (id, topic, body) values (?, ?, ?)", [crypto.randomUUID(), topic, body])
  wake(container, 0)
}

function wake(container, pause) {
  if (timer) clearTimeout(timer)
  timer = setTimeout(() => flush(container).catch((error) => logger(container).error(`connector: ${error.message}`)), pause)
  if (timer.unref) timer.unref()
}

function flush(container) {
  sending = sending || drain(container).finally(() => { sending = null })
  return sending
}

async function drain(container) {
  await tables(container)
  for (;;) {
    const to = await target(container)
    if (!to) return
    if (Date.now() < restsUntil) break // what waits is not each to find out that nobody is there
    // Taken with a lease: several servers of one store share the table, and each row is sent by one of them.
    const { rows } = await database(container).raw(
      `update connector_outbox set due = now() + ${LEASE} * interval '1 second' where seq in (
         select seq from connector_outbox where done is null and due <= now() order by seq limit ${AT_ONCE} for update skip locked)
       returning *`)
    if (!rows.length) break
    rows.sort((one, other) => Number(one.seq) - Number(other.seq))
    for (const [at, row] of rows.entries()) {
      if (await send(container, row, to)) { silences = 0; continue }
      const rest = Math.min(LONGEST_REST, 2 ** ++silences)
      restsUntil = Date.now() + rest * 1000
      const others = rows.slice(at + 1).map((other) => other.seq)
      if (others.length) {
        await database(container).raw(
          `update connector_outbox set due = now() + ? * interval '1 second' where seq in (${others.map(() => "?").join(",")})`, [rest, ...others])
      }
      break
    }
  }
  await database(container).raw(`delete from connector_outbox where done < now() - interval '${KEPT_DAYS} days'`)
  const { rows } = await database(container).raw("select extract(epoch from min(due) - now()) * 1000 as pause from connector_outbox where done is null")
  if (rows[0].pause !== null) wake(container, Math.min(60_000, Math.max(100, Number(rows[0].pause), restsUntil - Date.now())))
}

function signature(secret, id, topic, stamp, body) {
  const made = crypto.createHmac("sha256", secret)
  made.update(`${id}\n${topic}\n${stamp}\n`).update(body, "utf8")
  return `sha256=${made.digest("hex")}`
}

// Was somebody there? A delivery that is refused is tried again by itself; where nobody answers, all wait.
async function send(container, row, to) {
  const stamp = String(Math.floor(Date.now() / 1000)) // of this try: an old delivery that waits is no replay
  let said = ""
  let there = true
  try {
    const answer = await fetch(to.address, {
      method: "POST", body: row.body, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT),
      headers: {
        "content-type": "application/json", "user-agent": "connector-medusa/1",
        "x-medusa-id": row.id, "x-medusa-topic": row.topic, "x-medusa-timestamp": stamp,
        "x-medusa-signature": signature(to.secret, row.id, row.topic, stamp, row.body),
      },
    })
    await answer.arrayBuffer()
    if (!answer.ok) said = `answered ${answer.status}`
    there = answer.status < 500 && answer.status !== 429
  } catch (error) {
    said = (error.cause && error.cause.code) || error.name
    there = false
  }
  const tries = row.attempts + 1
  if (!said || tries >= TRIES) {
    if (said) logger(container).error(`connector: gave up on ${row.topic} after ${tries} tries: ${said}`)
    await database(container).raw("update connector_outbox set done = now(), attempts = ?, said = ? where seq = ?", [tries, said || null, row.seq])
    return there
  }
  const pause = Math.min(LONGEST_PAUSE, 2 ** tries)
  await database(container).raw(
    "update connector_outbox set attempts = ?, said = ?, due = now() + ? * interval '1 second' where seq = ?", [tries, said, pause, row.seq])
  return there
}

// What connector's health page and a merchant may want to see. No secret is in it.
async function state(container) {
  const to = await target(container)
  await tables(container)
  const { rows } = await database(container).raw(
    `select count(*) filter (where done is null) as waiting, count(*) filter (where done is not null and said is not null) as given_up,
       min(made_at) filter (where done is null) as oldest, max(said) filter (where done is null) as said from connector_outbox`)
  const [{ waiting, given_up, oldest, said }] = rows
  return { version: require("../../../../package.json").version, address: to ? to.address : null, set_by: to ? to.by : null,
    waiting: Number(waiting), given_up: Number(given_up), oldest, said }
}

module.exports = { put, flush, aim, forget, target, state, signature }
