// Does with vrpc what go/main.go does with grpc-go.
import { connect } from "../../../mod.ts";
import { registerResolver, staticResolver } from "../../../src/rpc/resolver/mod.ts";

const plan = await new Response(Deno.stdin.readable).json();
registerResolver("fleet", staticResolver({ addresses: plan.addresses }));
const channel = connect("fleet:///", { serviceConfig: plan.serviceConfig, poolSize: 1 });
const lines: string[] = [];
const calls: Promise<void>[] = [];
const startMs = performance.now();
const count = Math.floor(plan.rate * plan.seconds);
const request = new TextEncoder().encode("x");
const begin = (i: number) => {
  const dueMs = startMs + i / plan.rate * 1_000;
  const metadata: Record<string, string> = plan.sessions > 0
    ? { session: `user-${i % plan.sessions}` }
    : {};
  const over = (server: string) => {
    const tookMs = performance.now() - dueMs;
    lines.push(`${(dueMs - startMs).toFixed(2)} ${server} ${tookMs.toFixed(2)}`);
  };
  calls.push(
    channel.call("/work", request, { metadata, timeoutMs: 10_000 })
      .then((reply) => over(new TextDecoder().decode(reply)), () => over("-")),
  );
};
while (calls.length < count) {
  const due = Math.min(count, Math.floor((performance.now() - startMs) / 1_000 * plan.rate) + 1);
  while (calls.length < due) begin(calls.length);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await Promise.all(calls);
console.log(lines.join("\n"));
await channel.close();
