/** Attacks on the exchange of documents; all over TLS, to whose connections documents are bound. */

import { Buffer } from "node:buffer";
import { connect } from "../../../mod.ts";
import type { AttestationPolicy, Attester } from "../../../src/attestation/mod.ts";
import { EmulatedNsm, issueChain, PCRS } from "../../fixtures/emulated_nsm.ts";
import { sleep } from "../../fixtures/waiting.ts";
import type { Attack } from "./attack.ts";
import type { AttackerTask } from "./report.ts";

const DOCUMENT_BYTES = 16_384;
/** TLS handshake, hello and request of a document, as measured by this suite's relay. */
const EXCHANGE_BYTES = 1_000;

/** Takes any document: the attacker wants to get on. */
const ANY: AttestationPolicy = {
  format: "nitro",
  channel: "tls",
  accepts: () => true,
  verify: () =>
    Promise.resolve({ format: "nitro", moduleId: "any", timestamp: 1, pcrs: {} } as never),
};

/** Connects, proves itself with `attester`, and closes; returns the bytes that it sent, about. */
async function exchange(
  { wire, hostname, port, ca }: AttackerTask,
  count: (what: string) => void,
  attester?: Attester,
): Promise<void> {
  const channel = connect(`${hostname}:${port}`, {
    wire: wire as "grpc" | "lean",
    tls: { ca: ca! },
    attest: ANY,
    attestation: attester,
    poolSize: 1,
  });
  try {
    // Not ready(): that would connect again after a failure, and wait before.
    await channel.call("/vrpc.echo.v1.EchoService/Echo", new Uint8Array(), { timeoutMs: 12_000 });
    count("attested");
  } catch (error) {
    const { message } = error as Error;
    count(/[A-Z]+_[A-Z]+/.exec(message)?.[0] ?? "closed");
  } finally {
    await channel.close();
  }
}

let forger: Promise<EmulatedNsm> | undefined;

/** An enclave whose chain has the names and the root of the victim's, and other keys. */
function forgedEnclave(root: string): Promise<EmulatedNsm> {
  return forger ??= issueChain().then(({ certificates, key }) => {
    const forged = [Uint8Array.from(Buffer.from(root, "base64")), ...certificates.slice(1)];
    return EmulatedNsm.create(PCRS, { certificates: forged, key });
  });
}

/** Signs documents as long as one may be, of which every check but that of a signature is good. */
function forging(root: string): Attester {
  return {
    format: "nitro",
    async attest(nonce, userData) {
      const nsm = await forgedEnclave(root);
      const request = { nonce, user_data: userData };
      const { length } = await nsm.document({ ...request, fields: { padding: new Uint8Array(1) } });
      // The lengths of the padding and of the payload around it take 4 more bytes.
      const padding = new Uint8Array(DOCUMENT_BYTES - length - 8);
      return await nsm.document({ ...request, fields: { padding } });
    },
  };
}

const silent: Attester = { format: "nitro", attest: () => new Promise(() => {}) };

type Session = NonNullable<Attack["session"]>;

const attack = (
  name: string,
  session: Session,
  more: Partial<Attack> = {},
): Attack[] =>
  (["grpc", "lean"] as const).map((wire): Attack => ({
    name,
    group: "attestation",
    wire,
    tls: "only",
    victim: "attested",
    run: () => Promise.resolve(),
    session,
    ...more,
  }));

/** All attacks on the exchange. */
export const ATTESTATION_ATTACKS: readonly Attack[] = [
  ...attack("exchanges on new connections", async (task, count) => {
    await exchange(task, count);
    return EXCHANGE_BYTES;
  }),
  ...attack("exchanges with 16 KiB, broken signatures", async (task, count) => {
    await exchange(task, count, forging(task.root!));
    return EXCHANGE_BYTES + DOCUMENT_BYTES;
  }),
  ...attack("exchanges that are never ended", async (task, count) => {
    // One after the other: the cost of many TLS handshakes at once is not that of exchanges.
    await sleep(1_000 * Math.random());
    await exchange(task, count, silent);
    return EXCHANGE_BYTES;
  }, { connections: 50 }),
];
