/**
 * `Deno.serve`, by the server of Hono for Node.
 *
 * @module
 */

import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import type { HttpBindings } from "@hono/node-server";

interface Info {
  readonly remoteAddr: {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  };
}

const require = createRequire(import.meta.url);

type Handler = (request: Request, info: Info) => Response | Promise<Response>;

/** Serves a handler of the Fetch API on all addresses of this machine, because that binds at once. */
export function serve({ port = 0 }: { readonly port?: number }, handler: Handler) {
  // Loaded where a test uses it, because that takes 50 ms.
  const { createAdaptorServer } = require(
    "@hono/node-server",
  ) as typeof import("@hono/node-server");
  const server = createAdaptorServer({
    fetch(request, env) {
      const { remoteAddress = "", remotePort = 0 } = (env as HttpBindings).incoming.socket;
      const remoteAddr = { transport: "tcp", hostname: remoteAddress, port: remotePort } as const;
      return handler(request, { remoteAddr });
    },
    overrideGlobalObjects: false,
  }) as Server;
  server.listen(port);
  const shutdown = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: (server.address() as AddressInfo).port },
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}
