/**
 * Gateway: HTTP with JSON in front of a gRPC service.
 *
 *     deno run -A examples/gateway/main.ts
 *
 * The gateway reads the types from the service's reflection. `deno task host` is such a gateway as a program.
 *
 * @module
 */

import { connect, RpcError, serve, Status } from "@vrpc/vrpc";
import { Gateway, serveHttp } from "@vrpc/vrpc/gateway";
import { addReflection } from "@vrpc/vrpc/services";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

await using service = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    greet({ name }) {
      if (name === "") throw new RpcError(Status.INVALID_ARGUMENT, "The name is empty");
      return { text: `Hello, ${name}` };
    },
    *countDown({ from }) {
      for (let left = from; left >= 0; left--) yield { left };
    },
  });
  addReflection(router);
});
await using channel = connect(service.addresses[0]);
const gateway = new Gateway(channel, { routes: { "/greet": "/example.v1.GreeterService/Greet" } });
await using http = await serveHttp("127.0.0.1:0", (request) => {
  return gateway.handle(request, new URL(request.url).pathname);
});

async function post(path: string, body: unknown, accept = "application/json"): Promise<void> {
  const response = await fetch(`http://${http.address}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });
  console.log(`${path}: ${response.status}\n${(await response.text()).trim()}`);
}

await post("/greet", { name: "Ada" });
await post("/example.v1.GreeterService/Greet", { name: "" });
await post("/example.v1.GreeterService/CountDown", { from: 2 }); // a JSON line for each reply
await post("/example.v1.GreeterService/CountDown", { from: 1 }, "text/event-stream");

const { paths } = await gateway.openApi();
console.log(
  `OpenAPI: ${Object.keys(paths ?? {}).filter((path) => path.includes("Greeter")).length} paths`,
);
