/**
 * Services whose replies are random.
 *
 * @module
 */

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ServiceImplementation } from "../rpc/dispatch/handlers.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { randomMessage, seeded } from "./random_message.ts";

/**
 * Options of {@link mockService}.
 *
 * @category Testing
 */
export interface MockServiceOptions<D extends DescService> {
  /** Replies are the same for the same seed and calls. Default 1. */
  seed?: number;
  /** Handlers in place of random replies. Default none. */
  handlers?: Partial<ServiceImplementation<D>>;
}

// Replies of a server-streaming method.
const MAX_REPLIES = 3;

/**
 * Adds a service that answers every method with random, valid messages: one for a unary and a client-streaming method,
 * one to three for a server-streaming one, one for each request of a bidirectional one.
 *
 * ```ts
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 * import { mockService, testServer } from "@vrpc/vrpc/testing";
 *
 * await using test = await testServer((router) => mockService(router, EchoService, { seed: 7 }));
 * const { payload } = await test.client(EchoService).echo({});
 * console.assert(payload.length > 0);
 * ```
 *
 * @category Testing
 */
export function mockService<D extends DescService>(
  router: Router,
  service: D,
  options: MockServiceOptions<D> = {},
): void {
  const random = seeded(options.seed ?? 1);
  const handlers: Record<string, unknown> = {};
  for (const method of service.methods) handlers[method.localName] = handlerOf(method, random);
  const own = options.handlers as Readonly<Record<string, unknown>> | undefined;
  router.service(service, { ...handlers, ...own } as Partial<ServiceImplementation<D>>);
}

function handlerOf({ methodKind, output }: DescMethod, random: () => number): unknown {
  const reply = () => randomMessage(output, random);
  switch (methodKind) {
    case "unary":
      return reply;
    case "client_streaming":
      return async (requests: AsyncIterable<unknown>) => {
        for await (const _request of requests) { /* reads them all */ }
        return reply();
      };
    case "server_streaming":
      return function* () {
        const count = 1 + Math.floor(random() * MAX_REPLIES);
        for (let i = 0; i < count; i++) yield reply();
      };
    case "bidi_streaming":
      return async function* (requests: AsyncIterable<unknown>) {
        for await (const _request of requests) yield reply();
      };
  }
}
