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

if (!("WebSocket" in globalThis)) {
  // The client that later versions of Node have built in; loaded where a test uses it, because that takes 0.2 s.
  const require = createRequire(import.meta.url);
  Object.defineProperty(globalThis, "WebSocket", {
    configurable: true,
    get: () => require("undici").WebSocket,
  });
}
