/**
 * Runs in the guest: call rates over vsock (CID 1) and over TCP loopback, alternating.
 *
 * @module
 */

import { connect, serve } from "../../../mod.ts";

const ROUNDS = 5;
const ROUND_MS = 1_500;

await using server = await serve(["vsock:any:5100", "127.0.0.1:0"], (router) => {
  router.method("/echo", {}, (payload) => payload as Uint8Array);
});
const payload = new Uint8Array(64);
const transports = { vsock: "vsock:1:5100", tcp: server.addresses[1] };

async function callsPerSecond(address: string, inFlight: number): Promise<number> {
  await using channel = connect(address);
  await channel.call("/echo", payload);
  let calls = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (performance.now() - start < ROUND_MS) {
      await channel.call("/echo", payload);
      calls++;
    }
  }));
  return calls * 1000 / (performance.now() - start);
}

/** Measures round trips of 64 bytes on bare sockets, the upper bound of the kernel. */
async function roundTripsPerSecond(listener: Deno.Listener, open: () => Promise<Deno.Conn>) {
  const served = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      await conn.write(buffer.subarray(0, n));
    }
  })();
  using conn = await open();
  const buffer = new Uint8Array(4096);
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < ROUND_MS) {
    await conn.write(payload);
    for (let got = 0; got < payload.length;) got += (await conn.read(buffer))!;
    count++;
  }
  const rate = count * 1000 / (performance.now() - start);
  conn.close();
  await served;
  return rate;
}

async function bareSockets(): Promise<void> {
  using vsock = Deno.listen({ transport: "vsock", cid: 0xffffffff, port: 5101 });
  using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const rates: Record<string, number[]> = { vsock: [], tcp: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.vsock.push(
      await roundTripsPerSecond(
        vsock,
        () => Deno.connect({ transport: "vsock", cid: 1, port: 5101 }),
      ),
    );
    rates.tcp.push(
      await roundTripsPerSecond(tcp, async () => {
        const conn = await Deno.connect({ port: (tcp.addr as Deno.NetAddr).port });
        conn.setNoDelay(true);
        return conn;
      }),
    );
  }
  report("bare sockets, 1 in flight", "round trips/s", rates);
}

function report(what: string, unit: string, rates: Record<string, number[]>): void {
  const [vsock, tcp] = [median(rates.vsock), median(rates.tcp)];
  console.log(
    `parity, ${what}: vsock ${vsock.toFixed(0)} ${unit}, TCP loopback ${tcp.toFixed(0)} ${unit}, ` +
      `vsock/TCP ${(vsock / tcp).toFixed(2)}`,
  );
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

for (const inFlight of [1, 100]) {
  const rates: Record<string, number[]> = { vsock: [], tcp: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, address] of Object.entries(transports)) {
      rates[name].push(await callsPerSecond(address, inFlight));
    }
  }
  report(`${inFlight} in flight`, "calls/s", rates);
}
await bareSockets();
