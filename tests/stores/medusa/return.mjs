// node return.mjs ORDER_ID [--qty 1]
// A return of the first line is requested and received; no money goes back. The order must have been shipped.
import { admin, args } from './lib.mjs';
const opt = args({ qty: '1' });
const api = await admin();
const { order } = await api.get(`/admin/orders/${opt._[0]}?fields=id,*items`);
const items = [{ id: order.items[0].id, quantity: Number(opt.qty) }];
// Without a location, Medusa 2.21 fails the confirm step with a 500.
const { stock_locations: [place] } = await api.get('/admin/stock-locations?limit=1');
const { return: open } = await api.post('/admin/returns', { order_id: order.id, location_id: place.id });
await api.post(`/admin/returns/${open.id}/request-items`, { items });
await api.post(`/admin/returns/${open.id}/request`, {});
await api.post(`/admin/returns/${open.id}/receive`, {});
await api.post(`/admin/returns/${open.id}/receive-items`, { items });
await api.post(`/admin/returns/${open.id}/receive/confirm`, {});
console.log(JSON.stringify({ order: order.id, return: open.id }));
