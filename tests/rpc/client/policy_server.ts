/** A server and a channel with a service config, for tests of retries and hedging in virtual time. */

import { type HandlerContext, RpcError, serve, type ServiceConfig, Status } from "../../../mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import type { Network } from "../../fixtures/network.ts";

/** Called for each attempt, numbered from 1. */
export type Handler = (attempt: number, ctx: HandlerContext, request: Uint8Array) => unknown;

/** Starts a server with one method of each kind that counts attempts, and a channel with a service config. */
export async function startPolicyServer(network: Network, config: ServiceConfig, handler: Handler) {
  const attempts: (string | undefined)[] = [];
  const next = (ctx: HandlerContext) => {
    attempts.push(ctx.metadata.get("grpc-previous-rpc-attempts"));
    return attempts.length;
  };
  const server = await serve(memoryAddress("policy"), (router) => {
    router.method("/t.S/Unary", {}, async (request, ctx) => {
      return await handler(next(ctx), ctx, request) as Uint8Array ?? request;
    });
    router.method("/t.S/Sum", { kind: "client_streaming" }, async (requests, ctx) => {
      const attempt = next(ctx);
      let sum = 0;
      for await (const request of requests) sum += request.length;
      await handler(attempt, ctx, EMPTY);
      return text(`${sum}`);
    });
    router.method("/t.S/Count", { kind: "server_streaming" }, async function* (request, ctx) {
      const attempt = next(ctx);
      if (untext(request) === "late") yield text("0");
      await handler(attempt, ctx, request);
      yield text("1");
    });
  });
  const channel = network.connect("x", {
    serviceConfig: config,
    dial: () => {
      const [here, there] = memoryPair();
      server.serveConnection(there);
      return Promise.resolve(here);
    },
  });
  await channel.ready();
  return { server, channel, attempts };
}

const retryPolicy = {
  maxAttempts: 4,
  initialBackoff: "0.1s",
  maxBackoff: "1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE", 10],
};
/** Retries all methods of `t.S`: 0.1 s, then twice as long. */
export const retrying: ServiceConfig = {
  methodConfig: [{ name: [{ service: "t.S" }], retryPolicy }],
};

/** Fails all attempts before `good` with a status. */
export function failUntil(good: number, code: Status = Status.UNAVAILABLE): Handler {
  return (attempt) => {
    if (attempt < good) throw new RpcError(code, `attempt ${attempt}`);
  };
}

/** Lets virtual time pass until `call` settles, at most 10 s. */
export async function passUntil(network: Network, call: Promise<unknown>): Promise<void> {
  let done = false;
  call.catch(() => {}).finally(() => done = true);
  for (let i = 0; i < 200 && !done; i++) await network.pass(50);
}
