'use strict';
// Tells connector what happened to which order or product, and nothing else: it reads the rest through the Admin API.
//
// - Declares `attributionToken` on orders and on their lines, where the storefront leaves a creator's token, and
//   `connectorAddress` and `connectorSecret` on channels: where news goes, and what it is signed with.
// - Posts through Vendure's own job queue, so that news outlives a restart and is tried again.
// - Signs id, topic, time and body (HMAC-SHA256 with the channel's secret). The secret is read when a delivery is made,
//   so that it never rests in the table of jobs.
//
// Plain JavaScript, so that nothing has to be built; decorators are applied by hand at the end.
const crypto = require('crypto');
const { Inject } = require('@nestjs/common');
const core = require('@vendure/core');

const LOG = 'ConnectorPlugin';
const TIMEOUT_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;
// Orders in these states are carts; what happens in them is nobody's business but the buyer's.
const CARTS = new Set(['Created', 'Draft', 'AddingItems', 'ArrangingPayment']);

let options = { channels: {}, retries: 20 };

class News {
    constructor(bus, queues, connection) {
        Object.assign(this, { bus, queues, connection });
    }

    async onApplicationBootstrap() {
        const process = async job => this.deliver(job.data, job.attempts);
        // Two queues: a bulk edit of the catalog must not hold up orders.
        this.orders = await this.queues.createQueue({ name: 'connector-orders', process });
        this.catalog = await this.queues.createQueue({ name: 'connector-catalog', process });
        const on = (type, handler) => this.bus.ofType(type).subscribe(event => {
            handler(event).catch(error => core.Logger.error(`${type.name}: ${error.message}`, LOG, error.stack));
        });
        on(core.OrderPlacedEvent, e => this.order('order.placed', e.order.id));
        on(core.OrderStateTransitionEvent, async e => {
            if (!CARTS.has(e.toState)) await this.order('order.changed', e.order.id);
        });
        on(core.OrderLineEvent, async e => {
            if (e.type === 'cancelled' || !e.order.active) await this.order('order.changed', e.order.id);
        });
        on(core.PaymentStateTransitionEvent, e => this.order('payment.changed', e.order.id));
        on(core.RefundEvent, e => this.order('refund.changed', e.order.id));
        on(core.RefundStateTransitionEvent, e => this.order('refund.changed', e.order.id));
        on(core.FulfillmentStateTransitionEvent, async e => {
            const parcel = await this.of(core.Fulfillment).findOne({ where: { id: e.fulfillment.id }, relations: ['orders'] });
            for (const order of parcel ? parcel.orders : []) await this.order('fulfilment.changed', order.id);
        });
        on(core.ProductEvent, e => this.product(e.type === 'deleted' ? 'product.deleted' : 'product.changed', e.entity.id));
        on(core.ProductChannelEvent, e => this.product('product.changed', e.product.id, [e.channelId]));
        on(core.ProductVariantEvent, async e => {
            const products = new Set(e.entity.map(variant => variant.productId).filter(id => id != null).map(String));
            for (const product of products) await this.product('product.changed', product);
        });
        on(core.ProductVariantChannelEvent, e => this.product('product.changed', e.productVariant.productId, [e.channelId]));
        on(core.StockMovementEvent, async e => {
            const variants = new Set(e.stockMovements.map(one => one.productVariant && String(one.productVariant.id)));
            for (const variant of variants) if (variant) await this.stock(variant);
        });
    }

    of(entity) {
        return this.connection.rawConnection.getRepository(entity);
    }

    async order(topic, id) {
        const order = await this.of(core.Order).findOne({ where: { id }, relations: ['channels'] });
        // One that a cart's payment failed for, or that was never placed, is no order.
        if (order && !order.active) await this.tell(this.orders, topic, order.channels, { order: String(order.id) });
    }

    async product(topic, id, also = []) {
        const product = await this.of(core.Product).findOne({ where: { id }, relations: ['channels'], withDeleted: true });
        if (!product) return;
        const more = await Promise.all(also.map(one => this.of(core.Channel).findOne({ where: { id: one } })));
        await this.tell(this.catalog, topic, [...product.channels, ...more.filter(Boolean)], { product: String(product.id) });
    }

    async stock(id) {
        const variant = await this.of(core.ProductVariant).findOne({ where: { id }, relations: ['channels'] });
        if (variant) await this.tell(this.catalog, 'stock.changed', variant.channels, { variant: String(variant.id) });
    }

    // One job a channel that has somewhere to send it.
    async tell(queue, topic, channels, data) {
        const told = new Set();
        for (const channel of channels) {
            if (told.has(String(channel.id)) || !target(channel)) continue;
            told.add(String(channel.id));
            const body = JSON.stringify({ ...data, channel: String(channel.id), at: new Date().toISOString() });
            await queue.add({ id: crypto.randomUUID(), topic, channel: String(channel.id), body }, { retries: options.retries });
        }
    }

    async deliver({ id, topic, channel: channelId, body }, attempts) {
        const channel = await this.of(core.Channel).findOne({ where: { id: channelId } });
        const to = channel && target(channel);
        if (!to) return { left: 'nobody to tell' };
        const stamp = String(Math.floor(Date.now() / 1000)); // of this try
        const answer = await fetch(to.address, {
            method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS),
            headers: {
                'content-type': 'application/json', 'user-agent': 'connector-vendure/1',
                'x-vendure-id': id, 'x-vendure-topic': topic, 'x-vendure-timestamp': stamp,
                'x-vendure-attempt': String(attempts || 1),
                'x-vendure-signature': signature(to.secret, id, topic, stamp, body),
            },
        });
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`connector answered ${answer.status}`); // the queue tries again
        return { answered: answer.status };
    }
}
[core.EventBus, core.JobQueueService, core.TransactionalConnection].forEach((token, index) => Inject(token)(News, undefined, index));

// What was configured in code counts before what stands in the channel.
function target(channel) {
    const own = channel.customFields || {};
    const { address, secret } = options.channels[channel.code] || { address: own.connectorAddress, secret: own.connectorSecret };
    if (!address || !secret) return null;
    try {
        const url = new URL(address);
        const local = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
        if (url.protocol === 'https:' || (url.protocol === 'http:' && local)) return { address, secret };
    } catch { /* said below */ }
    core.Logger.warn(`channel ${channel.code}: the address for news isn't https`, LOG);
    return null;
}

function signature(secret, id, topic, stamp, body) {
    return `sha256=${crypto.createHmac('sha256', secret).update(`${id}\n${topic}\n${stamp}\n${body}`, 'utf8').digest('hex')}`;
}

const label = value => [{ languageCode: core.LanguageCode.en, value }];

function declare(config) {
    const token = { name: 'attributionToken', type: 'string', nullable: true, public: true, length: 60, label: label('Attribution token') };
    config.customFields.Order.push({ ...token });
    config.customFields.OrderLine.push({ ...token });
    // Only who may change a channel sees these two.
    const kept = { type: 'string', nullable: true, public: false, requiresPermission: core.Permission.UpdateChannel };
    config.customFields.Channel.push(
        { ...kept, name: 'connectorAddress', length: 500, label: label('connector: address for news') },
        { ...kept, name: 'connectorSecret', length: 200, label: label('connector: secret for news') },
    );
    return config;
}

class ConnectorPlugin {
    static init(given = {}) {
        options = { channels: given.channels || {}, retries: given.retries === undefined ? 20 : given.retries };
        return ConnectorPlugin;
    }

    static pause(attempts) {
        return Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** Math.max(0, attempts - 1));
    }
}
core.VendurePlugin({ imports: [core.PluginCommonModule], providers: [News], configuration: declare, compatibility: '^3.6.0' })(ConnectorPlugin);

module.exports = { ConnectorPlugin, signature };
