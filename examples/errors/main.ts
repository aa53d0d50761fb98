/**
 * Errors: codes, rich details, and what is kept from the caller.
 *
 *     deno run -A examples/errors/main.ts
 *
 * @module
 */

import { connect, findDetails, Metadata, packDetail, RpcError, serve, Status } from "@vrpc/vrpc";
import { BadRequestSchema, RetryInfoSchema } from "@vrpc/vrpc/errdetails";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    greet({ name }) {
      if (name === "nobody") throw new RpcError(Status.NOT_FOUND, "There is no such name");
      if (name === "crash") throw new Error("password=hunter2");
      if (name === "later") {
        const details = [packDetail(RetryInfoSchema, { retryDelay: { seconds: 30n } })];
        throw new RpcError(Status.RESOURCE_EXHAUSTED, "Too many greetings", { details });
      }
      const fieldViolations = [{ field: "name", description: "is empty" }];
      throw new RpcError(Status.INVALID_ARGUMENT, "The request is not valid", {
        details: [packDetail(BadRequestSchema, { fieldViolations })],
        metadata: new Metadata({ "x-help": "https://example.com/names" }), // sent as trailers
      });
    },
  });
  // A handler that crashes is logged, by default with console.error.
}, { printFailures: false });
await using channel = connect(server.addresses[0]);
const greeter = channel.client(GreeterService);

for (const name of ["nobody", "crash", "later", ""]) {
  try {
    await greeter.greet({ name });
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    // Decide by the code, never by the text.
    console.log(`${error.codeName} (${error.code}): ${error.message}`);
    for (const { retryDelay } of findDetails(error, RetryInfoSchema)) {
      console.log(`  retry in ${retryDelay!.seconds} s`);
    }
    for (const { fieldViolations } of findDetails(error, BadRequestSchema)) {
      for (const { field, description } of fieldViolations) {
        console.log(`  ${field} ${description}`);
      }
    }
    const help = error.metadata.get("x-help");
    if (help !== undefined) console.log(`  see ${help}`);
  }
}

// Statuses that vrpc sets itself.
const unknown = await channel.call("/example.v1.GreeterService/Greeet", new Uint8Array())
  .catch((error) => error);
console.log(`${unknown.codeName}: ${unknown.message}`);
