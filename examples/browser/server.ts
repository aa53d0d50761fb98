/**
 * A server and the page that calls it:
 *
 *     deno run -A examples/browser/server.ts [PAGE_PORT] [SERVER_PORT]
 *
 * @module
 */

import { join } from "node:path";
import { packDetail, type ReplyWriter, RpcError, serve, Status } from "../../mod.ts";
import { BadRequestSchema } from "../../src/services/descriptors/errdetails.ts";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

const PAGE_PORT = Number(Deno.args[0] ?? 8080);
const SERVER_PORT = Number(Deno.args[1] ?? 50051);
const here = (name: string) => join(import.meta.dirname!, name);

// The page: two files, one of them bundled with what it imports.
const html = await Deno.readTextFile(here("index.html"));
const script = await bundle(here("page.js"));
let address = "";
const site = Deno.serve(
  { hostname: "127.0.0.1", port: PAGE_PORT, onListen() {} },
  (request) => {
    switch (new URL(request.url).pathname) {
      case "/":
        return response(html.replace("SERVER_URL", `http://${address}`), "text/html");
      case "/page.js":
        return response(script, "text/javascript");
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
);
const origins = ["127.0.0.1", "localhost"].map((host) => `http://${host}:${site.addr.port}`);

// The server: one port for gRPC, Connect, gRPC-Web and WebSockets. Pages of other origins may not call it.
const room = new Set<ReplyWriter>();
const server = await serve(`127.0.0.1:${SERVER_PORT}`, (router) => {
  router.service(GreeterService, {
    greet: ({ name }) => {
      if (name.trim() === "") throw invalid("name", "Please enter a name");
      return { text: `Hello, ${name}!` };
    },
    countDown: async function* ({ from }, { signal }) {
      if (from < 1 || from > 10) throw invalid("from", "Choose a number from 1 to 10");
      for (let left = from; left >= 0 && !signal.aborted; left--) {
        yield { left };
        if (left > 0) await pause(1_000, signal);
      }
    },
    chat: async (messages, { stream }) => {
      room.add(stream);
      try {
        for await (const { name, text } of messages) {
          if (text === "") continue;
          for (const listener of room) listener.write({ name, text }).catch(() => {});
        }
      } finally {
        room.delete(stream);
      }
    },
  });
}, { web: { cors: { origins } } });
address = server.addresses[0];

console.log(`listening ${address}`);
console.log(`open ${origins[0]}`);
Deno.addSignalListener("SIGINT", async () => {
  await site.shutdown();
  await server.shutdown({ graceMs: 500 });
});
await server.finished;

/** An error that names the field of the request that is wrong. */
function invalid(field: string, description: string): RpcError {
  return new RpcError(Status.INVALID_ARGUMENT, description, {
    details: [packDetail(BadRequestSchema, { fieldViolations: [{ field, description }] })],
  });
}

function response(body: string, type: string): Response {
  return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
}

/** Returns a module with all that it imports as one script; `vite build` would do the same. */
async function bundle(path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", path],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
