/**
 * Functions that tests use and some runtimes lack.
 *
 * @module
 */

import "core-js/actual/array/from-async.js";
import "core-js/actual/array/to-sorted.js";
import "core-js/actual/async-disposable-stack/index.js";
import "core-js/actual/disposable-stack/index.js";
import "core-js/actual/promise/with-resolvers.js";
import "core-js/actual/typed-array/from-base64.js";
import "core-js/actual/typed-array/from-hex.js";
import "core-js/actual/typed-array/to-base64.js";
import "core-js/actual/typed-array/to-hex.js";
import { createRequire } from "node:module";

// Node demands `duplex` of a request whose body is a stream, as the Fetch standard does; Deno does not.
const hasStream = (init?: RequestInit) => init?.body instanceof ReadableStream;
globalThis.Request = new Proxy(Request, {
  construct: (target, [input, init]: [string, RequestInit?]) =>
    new target(input, hasStream(init) ? { duplex: "half", ...init } as RequestInit : init),
});

if (!("WebSocket" in globalThis)) {
  // The client that later versions of Node have built in; loaded where a test uses it, because that takes 0.2 s.
  const require = createRequire(import.meta.url);
  Object.defineProperty(globalThis, "WebSocket", {
    configurable: true,
    get: () => require("undici").WebSocket,
  });
}
