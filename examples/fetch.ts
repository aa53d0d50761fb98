/**
 * A server without sockets of its own: a handler of the Fetch API for `deno serve`, Deno Deploy and workers.
 *
 *     deno serve --port 8000 examples/fetch.ts
 *     curl http://127.0.0.1:8000/vrpc.echo.v1.EchoService/Echo \
 *       -H 'content-type: application/json' -d '{"payload": "aGVsbG8="}'
 *
 * @module
 */

import { fetchHandler } from "../src/rpc/fetch/mod.ts";
import { EchoService } from "../src/services/descriptors/echo.ts";

const handler = fetchHandler((router) => {
  router.service(EchoService, { echo: ({ payload }) => ({ payload }) });
});

export default { fetch: handler };
