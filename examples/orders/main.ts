/**
 * An order service: nested and repeated messages, an enum, a map, a oneof, 64-bit numbers, timestamps, and methods of
 * all four kinds.
 *
 *     deno run -A examples/orders/main.ts
 *
 * The types are generated from shop.proto, the handlers are in service.ts, both beside this file.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { connect, serve } from "@vrpc/vrpc";
import { type OrderSchema, OrderService, OrderState } from "../../proto/gen/examples/shop_pb.ts";
import { addOrders } from "./service.ts";

await using server = await serve("127.0.0.1:0", addOrders);
await using channel = connect(server.addresses[0], { timeoutMs: 5_000 });
const shop = channel.client(OrderService);

// Unary. A oneof is an object with `case` and `value`; an int64 is a bigint.
const { order } = await shop.place({
  order: {
    items: [{ sku: "tea", quantity: 2, priceCents: 499n }, { sku: "cup", quantity: 1 }],
    labels: { gift: "yes", note: "ring twice" },
    payment: { case: "card", value: { lastDigits: "4242" } },
    placedAt: timestampFromDate(new Date("2026-01-31T12:00:00Z")),
  },
});
const total = order!.items.reduce((sum, item) => sum + BigInt(item.quantity) * item.priceCents, 0n);
const card = order!.payment.case === "card" ? order!.payment.value.lastDigits : "none";
console.log(`placed: ${order!.number}, ${OrderState[order!.state]}, ${total} cents, card …${card}`);
console.log(`labels: ${JSON.stringify(order!.labels)}`);
console.log(`at: ${timestampDate(order!.placedAt!).toISOString()}`);

// Client streaming.
type OrderInit = MessageInitShape<typeof OrderSchema>;
const more = (sku: string, state: OrderState): { order: OrderInit } => ({
  order: { items: [{ sku }], state, payment: { case: "iban", value: "DE02 1203 0000" } },
});
const { count } = await shop.import([
  more("pot", OrderState.SHIPPED),
  more("jar", OrderState.PLACED),
]);
console.log(`imported: ${count}`);

// Server streaming.
for await (const { order } of shop.list({ state: OrderState.PLACED })) {
  console.log(`listed: ${order!.number}, ${order!.items[0].sku}, paid by ${order!.payment.case}`);
}

// Bidirectional.
for await (const { number, state } of shop.track([{ number: 1 }, { number: 2 }])) {
  console.log(`order ${number} is ${OrderState[state]}`);
}
