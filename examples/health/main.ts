/**
 * The standard health service: checks, watches, and a client that avoids unhealthy servers.
 *
 *     deno run -A examples/health/main.ts
 *
 * @module
 */

import { connect, type Router, serve } from "@vrpc/vrpc";
import { addHealth, type HealthService } from "@vrpc/vrpc/services";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@vrpc/vrpc/services/health";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

const health: HealthService[] = [];
const service = GreeterService.typeName;
const addGreeter = (name: string) => (router: Router) => {
  router.service(GreeterService, { greet: () => ({ text: `Hello from ${name}` }) });
  health.push(addHealth(router)); // SERVING, and NOT_SERVING as soon as a drain begins
};
await using blue = await serve("127.0.0.1:0", addGreeter("blue"));
await using green = await serve("127.0.0.1:0", addGreeter("green"));

{ // As a load balancer or grpc_health_probe asks.
  await using channel = connect(blue.addresses[0]);
  const client = channel.client(Health);
  const { status } = await client.check({ service });
  console.log(`check: ${Serving[status]}`);

  // A watch sends the status now and at each change.
  const states = [];
  for await (const { status } of client.watch({ service })) {
    states.push(Serving[status]);
    if (states.length === 1) health[0].set(service, "NOT_SERVING");
    if (states.length === 2) break;
  }
  console.log(`watch: ${states.join(", ")}`);
}

{ // A channel that asks the service itself: a server that does not serve gets no calls.
  await using channel = connect([blue.addresses[0], green.addresses[0]], {
    balancer: "round_robin",
    healthCheck: { service },
    waitForReady: true,
  });
  const greeter = channel.client(GreeterService);
  const texts = new Set<string>();
  for (let i = 0; i < 10; i++) texts.add((await greeter.greet({})).text);
  console.log([...texts].join(", "));
}
