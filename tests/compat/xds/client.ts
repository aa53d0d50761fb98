// Does with vrpc what go/client.go does with grpc-go.
import { connect, type RpcError } from "../../../mod.ts";
import { registerXds } from "../../../src/xds/mod.ts";

registerXds();
const plan = await new Response(Deno.stdin.readable).json();
const channel = connect(plan.target, { poolSize: 1 });
const lines: string[] = [];
const calls: Promise<void>[] = [];
const startMs = performance.now();
const count = Math.floor(plan.rate * plan.seconds);
const request = new TextEncoder().encode("x");
const begin = (i: number) => {
  const dueMs = startMs + i / plan.rate * 1_000;
  const call = plan.calls[i % plan.calls.length];
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries<string>(call.metadata ?? {})) {
    metadata[name] = value === "%d" ? `user-${i % plan.values}` : value;
  }
  const over = (result: string) => {
    const tookMs = performance.now() - dueMs;
    lines.push(
      `${(dueMs - startMs).toFixed(2)} ${i % plan.calls.length} ${result} ${tookMs.toFixed(2)}`,
    );
  };
  calls.push(
    channel.call(call.path, request, { metadata, timeoutMs: call.timeoutMs ?? 10_000 }).then(
      (reply) => over(new TextDecoder().decode(reply)),
      (error) => {
        if (Deno.env.has("XDS_ERRORS")) console.error(error);
        over(`-${(error as RpcError).code}`);
      },
    ),
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
