// Has a worker of a pool throw outside of its calls, and prints what became of its call, the next one and the pool.
import { textCodec } from "../../../src/codec/text.ts";
import { WorkerPool } from "../../../src/rpc/workers/pool.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { configure } from "./pool_worker.ts";

const pool = new WorkerPool({
  create: () => new Worker(new URL("./pool_worker.ts", import.meta.url), { type: "module" }),
  methods: ["/echo", "/crash"],
  workers: 2,
  init: "i",
  stuckMs: 60_000,
});
const host = new FakeHost((router) => configure(router, "main"), { dispatcher: pool.dispatcher });
const start = (path: string) => host.accept(new FakeCall(path)).request(textCodec.encode("next"));
const crashed = start("/crash");
await crashed.ended;
const next = start("/echo");
await next.ended;
const { replaced, workers } = pool.stats();
console.log(
  JSON.stringify([crashed.status, textCodec.decode(next.messages[0]), replaced, workers]),
);
pool.close();
host.deadlines.close();
