/**
 * Interceptors: a log, a check, a limit of rate and a cache around the same method.
 *
 *     deno run -A examples/interceptors/main.ts
 *
 * An interceptor has one shape on both sides, for unary calls and streams. The first of a list is the outermost.
 *
 * @module
 */

import { connect, type InterceptedReply, type Interceptor } from "@vrpc/vrpc";
import { RpcError, serve, Status, textCodec } from "@vrpc/vrpc";

const log = (prefix: string): Interceptor => (next) => async (call) => {
  try {
    const reply = await next(call);
    console.log(`${prefix} ${call.method.path}: OK, ${reply.headers.get("x-cache") ?? "no cache"}`);
    return reply;
  } catch (error) {
    console.log(`${prefix} ${call.method.path}: ${error instanceof RpcError && error.codeName}`);
    throw error;
  }
};

const requireUser: Interceptor = (next) => (call) => {
  if (call.metadata.get("x-user") !== undefined) return next(call);
  throw new RpcError(Status.UNAUTHENTICATED, "Say who you are");
};

/** Lets each user make so many calls; a real one would refill its tokens over time. */
function limitRate(calls: number): Interceptor {
  const tokens = new Map<string, number>();
  return (next) => (call) => {
    const user = call.metadata.get("x-user") as string;
    const left = tokens.get(user) ?? calls;
    if (left === 0) throw new RpcError(Status.RESOURCE_EXHAUSTED, "Too many calls");
    tokens.set(user, left - 1);
    return next(call);
  };
}

/** Answers from memory what was asked before: `next` is not called. */
function cache(): Interceptor {
  const replies = new Map<string, InterceptedReply>();
  return (next) => async (call) => {
    const key = `${call.method.path} ${call.message}`;
    const known = replies.get(key);
    call.context!.responseHeaders.set("x-cache", known === undefined ? "miss" : "hit");
    if (known !== undefined) return known;
    const reply = await next(call);
    replies.set(key, reply);
    return reply;
  };
}

await using server = await serve("127.0.0.1:0", (router) => {
  const spec = { requestCodec: textCodec, responseCodec: textCodec };
  router.method("/price", spec, (article) => {
    console.log(`  the handler computes the price of ${article}`);
    return "4.99";
  });
}, { interceptors: [requireUser, limitRate(3), cache()] });

await using channel = connect(server.addresses[0], { interceptors: [log("client:")] });

const tea = new TextEncoder().encode("tea");
await channel.call("/price", tea).catch(() => "is logged");
const metadata = { "x-user": "ada" };
for (let i = 0; i < 4; i++) {
  await channel.call("/price", tea, { metadata }).catch(() => "is logged");
}
