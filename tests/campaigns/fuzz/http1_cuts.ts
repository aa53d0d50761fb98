/** Both sides of HTTP/1.1 as fuzzing targets, each input once in one piece and then in two, cut at every place. */

import assert from "node:assert/strict";
import { CHUNKED } from "../../../src/http1/framing.ts";
import { GET, Peer } from "../../http1/client_harness.ts";
import { Client, echo, type Handle } from "../../http1/harness.ts";
import { Random } from "../simulation/random.ts";
import { HTTP1 } from "./http1.ts";
import type { Target } from "./target.ts";

// Octets of all runs of an input together; one that is too long for each cut has fewer, at random places.
const MAX_OCTETS = 100_000;
// Limits that short inputs reach.
const SMALL = { maxHeaderBytes: 1_024, maxHeaderFields: 16, maxRequestLineBytes: 64 };

/** Runs an input whole, octet by octet and in two pieces, and checks that what `observe` returns is the same. */
function compareCuts(
  input: Uint8Array,
  random: Random,
  observe: (pieces: readonly Uint8Array[]) => unknown,
): void {
  const whole = observe([input]);
  assert.deepEqual(observe(Array.from(input, (octet) => Uint8Array.of(octet))), whole, "octets");
  const places = input.length - 1;
  const count = Math.min(places, Math.ceil(MAX_OCTETS / input.length));
  for (let i = 1; i <= count; i++) {
    const at = count === places ? i : random.int(1, places);
    const pieces = [input.subarray(0, at), input.subarray(at)];
    assert.deepEqual(observe(pieces), whole, `cut at ${at}`);
  }
}

// A handler that answers before the body has come would see another moment for each cut.
const HABITS: readonly Handle[] = [echo, (exchange) => exchange.respond(200, [], "ok")];

function runServer(input: Uint8Array, seed: number): void {
  const random = new Random(seed);
  const handle = random.pick(HABITS);
  const limits = random.pick([{}, { ...SMALL, maxBodyBytes: 100 }]);
  compareCuts(input, random, (pieces) => {
    const client = new Client(handle, limits);
    for (const piece of pieces) {
      client.send(piece);
      client.take();
    }
    const { finished, bufferedBytes, activeCalls } = client.engine;
    return {
      requests: client.seen.map(({ exchange: { head }, body, trailers, aborted }) => (
        { ...head, body, trailers, aborted }
      )),
      // RFC 9110 §10.1.1: a server needs no 100 once it has part of the body.
      output: client.output.replaceAll("HTTP/1.1 100 Continue\r\n\r\n", ""),
      state: { broken: client.broken, finished, bufferedBytes, activeCalls },
    };
  });
}

function runClient(input: Uint8Array, seed: number): void {
  const random = new Random(seed);
  const method = random.pick(["GET", "HEAD", "POST"]);
  const head = { ...GET, method, bodyBytes: method === "POST" ? CHUNKED : 0 };
  const limits = random.pick([{}, SMALL]);
  const ends = random.chance(0.5);
  compareCuts(input, random, (pieces) => {
    const peer = new Peer(limits);
    const seen = peer.get(head);
    for (const piece of pieces) peer.send(piece);
    if (ends) peer.end();
    const { finished, usable, bufferedBytes } = peer.engine;
    return { seen: seen.summary, state: { finished, usable, bufferedBytes } };
  });
}

const INVARIANT = "an input gives the same events and the same output, wherever it is cut";
const RUNS = { http1_server: runServer, http1_client: runClient };

/** Targets. */
export const HTTP1_CUTS: readonly Target[] = HTTP1.map((target) => ({
  ...target,
  name: `${target.name}_cuts`,
  invariant: INVARIANT,
  run: RUNS[target.name as keyof typeof RUNS],
}));
