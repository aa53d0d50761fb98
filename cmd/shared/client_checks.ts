/**
 * Checks of the client program.
 *
 * @module
 */

import { createPublicKey, verify } from "node:crypto";
import type { Channel } from "../../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";

/** Result of a check. */
export interface CheckResult {
  /** Name of the check. */
  readonly name: string;
  /** Reason of a failure; undefined after success. */
  readonly failure?: string;
  /** Server time of the call, in µs. */
  readonly serverUs?: number;
  /** Latency of the call, in µs. */
  readonly totalUs?: number;
}

interface Check {
  readonly name: string;
  /** Makes one call and returns its server time in ns. Throws when the reply is wrong. */
  call(): Promise<bigint>;
  /** Further checks, outside of the measured time. */
  verify?(): Promise<void>;
}

/** Runs all checks in sequence. `describe` turns a failure into one line. */
export async function runChecks(
  channel: Channel,
  timeoutMs: number,
  describe: (error: unknown) => string,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of [...echoChecks(channel, timeoutMs), ...cryptoChecks(channel, timeoutMs)]) {
    const startMs = performance.now();
    try {
      const serverNs = await check.call();
      const totalUs = (performance.now() - startMs) * 1000;
      await check.verify?.();
      results.push({ name: check.name, serverUs: Number(serverNs) / 1000, totalUs });
    } catch (error) {
      results.push({ name: check.name, failure: describe(error) });
    }
  }
  return results;
}

function echoChecks(channel: Channel, timeoutMs: number): Check[] {
  const client = channel.client(EchoService);
  const payloads: [string, Uint8Array<ArrayBuffer>][] = [
    ["echo, empty", new Uint8Array()],
    ["echo, small", new TextEncoder().encode("Hello")],
    ["echo, UTF-8", new TextEncoder().encode("Grüße, 世界, мир, 🌍")],
    ["echo, 1 MiB", new Uint8Array(1024 * 1024).map((_, i) => i * 31 >> 3)],
  ];
  return payloads.map(([name, payload]) => ({
    name,
    async call() {
      const reply = await client.echo({ payload }, { timeoutMs });
      expectSame(reply.payload, payload);
      return reply.sentAtNs - reply.receivedAtNs;
    },
  }));
}

function cryptoChecks(channel: Channel, timeoutMs: number): Check[] {
  const client = channel.client(CryptoService);
  const data = new TextEncoder().encode("What the server signs for the client");

  function sign(name: string, keyType: KeyType, algorithm: Algorithm): Check {
    let signature: Uint8Array;
    return {
      name,
      async call() {
        const reply = await client.sign({ keyType, algorithm, data }, { timeoutMs });
        signature = reply.signature;
        return reply.serverTimeNs;
      },
      async verify() {
        const { pem } = await client.getPublicKey({ keyType }, { timeoutMs });
        if (!verify("SHA256", data, createPublicKey(pem), signature)) {
          throw new Error("The signature does not verify with the server's public key");
        }
        const { valid } = await client.verify({ keyType, algorithm, data, signature }, {
          timeoutMs,
        });
        if (!valid) throw new Error("The server does not verify its own signature");
      },
    };
  }

  let key: { der: Uint8Array; pem: string };
  return [
    sign("sign, RSA-2048 PKCS#1", KeyType.RSA_2048, Algorithm.RSA_PKCS1_SHA256),
    sign("sign, ECDSA P-256", KeyType.ECDSA_P256, Algorithm.ECDSA_SHA256),
    {
      name: "public key, RSA-2048",
      async call() {
        const reply = await client.getPublicKey({ keyType: KeyType.RSA_2048 }, { timeoutMs });
        key = reply;
        return reply.serverTimeNs;
      },
      verify() {
        const parsed = createPublicKey(key.pem);
        const bits = parsed.asymmetricKeyDetails?.modulusLength;
        if (bits !== 2048) throw new Error(`The key has ${bits} bits, expected 2048`);
        expectSame(key.der, parsed.export({ type: "spki", format: "der" }));
        return Promise.resolve();
      },
    },
  ];
}

function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  if (actual.length !== expected.length) {
    throw new Error(`Received ${actual.length} bytes, sent ${expected.length}`);
  }
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) throw new Error(`Received byte ${at} as ${actual[at]}, sent ${expected[at]}`);
}
