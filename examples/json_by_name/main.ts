/**
 * Methods by name with JSON messages, without a `.proto` file, on both wires.
 *
 *     deno run -A examples/json_by_name/main.ts
 *
 * @module
 */

import { type Codec, connect, jsonCodec, RpcError, serve, Status } from "@vrpc/vrpc";

interface Order {
  id: number;
  items: string[];
}

// Written once, for server and clients. `jsonCodec` does not check values: the type is a claim.
const getOrder = {
  path: "/orders/get",
  kind: "unary",
  requestCodec: jsonCodec<{ id: number }>(),
  responseCodec: jsonCodec<Order>(),
  description: "returns an order",
} as const;

// A codec is a name and two functions.
const dates: Codec<Date> = {
  name: "date",
  encode: (date) => new TextEncoder().encode(date.toISOString()),
  decode: (bytes) => new Date(new TextDecoder().decode(bytes)),
};
const nextDay = {
  path: "/next-day",
  kind: "unary",
  requestCodec: dates,
  responseCodec: dates,
} as const;

await using server = await serve("127.0.0.1:0", (router) => {
  router.method(getOrder.path, getOrder, ({ id }) => {
    if (id !== 7) throw new RpcError(Status.NOT_FOUND, `There is no order ${id}`);
    return { id, items: ["tea", "cup"] };
  });
  router.method(nextDay.path, nextDay, (date) => new Date(date.getTime() + 86_400_000));
});

for (const wire of ["grpc", "lean"] as const) {
  await using channel = connect(server.addresses[0], { wire });
  const orders = channel.method<{ id: number }, Order>(getOrder);
  const { items } = await orders.unary({ id: 7 });
  const error = await orders.unary({ id: 8 }).catch((error) => error);
  console.log(`${wire}: ${items.join(" and ")}; ${error.codeName}`);

  const date = await channel.method<Date, Date>(nextDay).unary(new Date("2026-02-28"));
  console.log(`${wire}: ${date.toISOString().slice(0, 10)}`);
}
