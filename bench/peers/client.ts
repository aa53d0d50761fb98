/**
 * Load on one connection from this project's client:
 *
 *     deno run -A bench/peers/client.ts client|client-nested 127.0.0.1:PORT IN_FLIGHT SECONDS [--batch]
 *
 * Prints one line of JSON.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import process from "node:process";
import { connect } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { OrderListSchema, Orders } from "../../proto/gen/bench/orders_pb.ts";
import { orders } from "../orders.ts";

const [what, address, inFlight, seconds] = Deno.args;
await using channel = connect(address, { batch: Deno.args.includes("--batch") });
const echo = channel.client(Echo);
const service = channel.client(Orders);
const message = { payload: new Uint8Array(64) };
const list = create(OrderListSchema, orders(10));
const call = what === "client-nested" ? () => service.echo(list) : () => echo.unary(message);
await call();

let calls = 0;
async function run(seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  calls = 0;
  const worker = async () => {
    for (; performance.now() < endMs; calls++) await call();
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, worker));
}
// The first second isn't measured.
await run(1);
const cpu = process.cpuUsage();
const startMs = performance.now();
await run(Number(seconds));
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({
  calls,
  seconds: (performance.now() - startMs) / 1000,
  cpuSeconds: (used.user + used.system) / 1e6,
}));
