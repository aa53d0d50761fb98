/**
 * A server of vrpc that does what `peer/main.go` does.
 *
 * @module
 */

import { join } from "node:path";
import {
  packDetail,
  type Router,
  RpcError,
  serve,
  type ServeOptions,
  type Status,
} from "../../../mod.ts";
import { EchoStatusSchema, TestService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { addHealth, addReflection } from "../../../src/services/mod.ts";
import { BadRequestSchema } from "../../../src/services/descriptors/errdetails.ts";

/** Addresses of one server. */
export interface Addresses {
  readonly plain: string;
  readonly tls: string;
  readonly mtls: string;
  readonly unix: string;
}

function routes(router: Router): void {
  router.service(TestService, {
    emptyCall: () => ({}),
    async unaryCall({ responseStatus, payload }, context) {
      if (responseStatus !== undefined && responseStatus.code !== 0) {
        const fieldViolations = [{ field: "response_size", description: "too large" }];
        throw new RpcError(responseStatus.code as Status, responseStatus.message, {
          details: [
            packDetail(BadRequestSchema, { fieldViolations }),
            packDetail(EchoStatusSchema, { code: 7, message: "a type of the service" }),
          ],
        });
      }
      const { metadata, signal } = context;
      const who = metadata.get("who") ?? "";
      if (who === "slow") await new Promise((resolve) => signal.addEventListener("abort", resolve));
      context.responseHeaders.set("reply-who", who);
      context.responseTrailers.set("reply-tail", "two");
      return { payload };
    },
    async *fullDuplexCall(requests) {
      for await (const { responseParameters } of requests) {
        for (const { size } of responseParameters) {
          yield { payload: { body: new Uint8Array(size) } };
        }
      }
    },
  });
  addHealth(router).set("shop", "NOT_SERVING");
  addReflection(router);
}

/** Starts the server in this process, with `ca`, `cert` and `key` of `folder`. */
export async function startOurs(stack: AsyncDisposableStack, folder: string): Promise<Addresses> {
  const [ca, cert, key] = await Promise.all(
    ["ca", "cert", "key"].map((name) => Deno.readTextFile(join(folder, name))),
  );
  const start = async (address: string, options: ServeOptions = {}) =>
    stack.use(await serve(address, routes, options)).addresses[0];
  return {
    plain: await start("127.0.0.1:0", { web: true }),
    tls: await start("127.0.0.1:0", { tls: { cert, key } }),
    mtls: await start("127.0.0.1:0", { tls: { cert, key, clientCa: ca } }),
    unix: await start(`unix:${join(folder, "ours")}`),
  };
}
