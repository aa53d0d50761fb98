import assert from "node:assert/strict";
import {
  attestedPeer,
  authorize,
  type Channel,
  type ChannelOptions,
  connect,
} from "../../../mod.ts";
import { anyone, serve, type ServeOptions, type Server, Status } from "../../../mod.ts";
import { nitroPolicy, type NitroPolicyOptions } from "../../../src/attestation/mod.ts";
import type { AttestationPolicy, Attester } from "../../../src/attestation/mod.ts";
import { decodeResponse, encodeRequest, newNonce } from "../../../src/rpc/attestation/messages.ts";
import { dial } from "../../../src/transport/mod.ts";
import { EmulatedNsm, PCRS } from "../../fixtures/emulated_nsm.ts";
import { captureLog, failure } from "../../../src/testing/mod.ts";

const nsm = await EmulatedNsm.create();
const policy = (more: Partial<NitroPolicyOptions> = {}) =>
  nitroPolicy({ pcrs: PCRS, root: nsm.root, ...more });
const WIRES = ["grpc", "lean"] as const;
const EMPTY = new Uint8Array();
const ATTEST = "/vrpc.attest.v1.Attestation/Exchange";

const start = (options: ServeOptions, address = "127.0.0.1:0"): Promise<Server> =>
  serve(address, (router) => {
    router.method("/who", {}, (_request, { peer }) => {
      return new TextEncoder().encode(peer.attestation?.moduleId ?? "nobody");
    });
  }, options);
const open = ({ addresses: [address] }: Server, options: ChannelOptions): Channel =>
  connect(address, { connectTimeoutMs: 20_000, ...options });
const who = async (channel: Channel) => new TextDecoder().decode(await channel.call("/who", EMPTY));
/** Resolves to the reason why a channel could not connect. */
async function refusal(channel: Channel): Promise<string> {
  const { code, message } = await failure(channel.call("/who", EMPTY));
  assert.equal(code, Status.UNAVAILABLE, message);
  return message;
}

for (const wire of WIRES) {
  Deno.test(`${wire}: a server proves itself, with a key of its own, before the first call`, async () => {
    await using server = await start({ attestation: nsm });
    await using channel = open(server, { wire, attest: policy() });
    assert.equal(await who(channel), "nobody");
    const [{ attestation }] = channel.stats().connections;
    assert.equal(attestation?.moduleId, nsm.moduleId);
    assert.equal(attestation?.pcrs[0], PCRS[0]);
  });

  Deno.test(`${wire}: a client proves itself to a server that asks for it`, async () => {
    await using server = await start({
      attestation: nsm,
      attestPeers: policy(),
      interceptors: [authorize({ "/who": attestedPeer(policy()), "*": anyone })],
    });
    await using channel = open(server, { wire, attest: policy(), attestation: nsm });
    assert.equal(await who(channel), nsm.moduleId);
    await using other = open(server, { wire, attest: policy() });
    const { code } = await failure(other.call("/who", EMPTY));
    assert.equal(code, Status.UNAUTHENTICATED);
  });

  Deno.test(`${wire}: a client whose document is refused is disconnected`, async () => {
    await using server = await start({
      attestation: nsm,
      attestPeers: policy({ pcrs: { 0: "ab".repeat(48) } }),
    });
    await using channel = open(server, { wire, attest: policy(), attestation: nsm });
    assert.match(await refusal(channel), /PERMISSION_DENIED: PCR0 is a1a1/);
  });

  Deno.test(`${wire}: a server that does not know the exchange is refused`, async () => {
    await using server = await start({ tls: await selfSignedPair() });
    await using channel = open(server, { wire, attest: policy() });
    assert.match(await refusal(channel), /does not attest itself|UNIMPLEMENTED/);
  });

  Deno.test(`${wire}: each connection of a pool has its own exchange`, async () => {
    const nonces = new Set<string>();
    const bindings = new Set<string>();
    const attestation: Attester = {
      format: "nitro",
      attest(nonce, userData) {
        nonces.add(nonce.toHex());
        bindings.add(userData.toHex());
        return nsm.attest(nonce, userData);
      },
    };
    await using server = await start({ attestation });
    await using channel = open(server, { wire, attest: policy(), poolSize: 3 });
    await channel.ready();
    assert.equal(nonces.size, 3);
    assert.equal(bindings.size, 3);
    assert.ok(channel.stats().connections.every(({ attestation }) => attestation !== undefined));
  });

  const refused: Record<string, [Attester["attest"], AttestationPolicy, RegExp]> = {
    "another image": [
      nsm.attest.bind(nsm),
      policy({ pcrs: { 0: "ab".repeat(48) } }),
      /PCR0 is (a1){48}, expected (ab){48}/,
    ],
    "an enclave in debug mode": [
      async (nonce, userData) => {
        const pcrs = new Map(nsm.pcrs).set(0, new Uint8Array(48));
        return await nsm.document({ nonce, user_data: userData, fields: { pcrs } });
      },
      policy({ pcrs: { 1: PCRS[1] } }),
      /debug mode/,
    ],
    "a replayed document": [
      (() => {
        let first: Promise<Uint8Array> | undefined;
        return (_nonce: Uint8Array, userData: Uint8Array) =>
          first ??= nsm.attest(new Uint8Array(32), userData);
      })(),
      policy(),
      /nonce is not the expected one/,
    ],
    "a document of another channel": [
      (nonce) => nsm.attest(nonce, new Uint8Array(32)),
      policy(),
      /user_data is not the expected one/,
    ],
    "a document that is too long": [
      () => Promise.resolve(new Uint8Array(16_385)),
      policy(),
      /over 16 KiB/,
    ],
    "an empty document": [() => Promise.resolve(EMPTY), policy(), /0 bytes/],
    "an attester that fails": [
      () => Promise.reject(new Error("secret")),
      policy(),
      /UNAVAILABLE: The attester failed/,
    ],
    "an attester that throws": [
      () => {
        throw new Error("secret");
      },
      policy(),
      /UNAVAILABLE: The attester failed/,
    ],
  };
  for (const [name, [attest, attestPolicy, reason]] of Object.entries(refused)) {
    Deno.test(`${wire}: ${name} is refused`, async () => {
      await using server = await start({ attestation: { format: "nitro", attest } });
      await using channel = open(server, { wire, attest: attestPolicy });
      const message = await refusal(channel);
      assert.match(message, reason);
      assert.ok(!message.includes("secret"));
      assert.equal(server.stats().calls.started, 0);
    });
  }

  Deno.test(`${wire}: a man in the middle who relays nonce and document is refused`, async () => {
    await using enclave = await start({ attestation: nsm });
    // Ends TLS with a key of its own, and asks the enclave for a document with the client's nonce.
    const attest = async (nonce: Uint8Array) => {
      await using up = open(enclave, { tls: { insecure: true } });
      const reply = await up.call(ATTEST, encodeRequest({ format: "nitro", nonce }));
      return decodeResponse(reply)!.document;
    };
    await using middle = await start({ attestation: { format: "nitro", attest } });
    await using channel = open(middle, { wire, attest: policy() });
    assert.match(await refusal(channel), /user_data is not the expected one/);
  });

  Deno.test(`${wire}: over a Unix socket, with and without TLS`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const channel of ["tls", "vsock"] as const) {
        const attestation = { ...nsm, format: "nitro", channel, attest: nsm.attest.bind(nsm) };
        await using server = await start({ attestation }, `unix:${folder}/${channel}`);
        await using client = open(server, { wire, attest: policy({ channel }) });
        assert.equal(await who(client), "nobody");
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a stream without TLS is refused, unless the policy's channel is vsock", async () => {
  await using server = await start({});
  await using plain = open(server, {
    attest: policy(),
    dial: (address, { signal }) => dial(address, { signal }),
  });
  assert.match(
    await refusal(plain),
    /Cannot bind a document to the connection: the connection has no TLS/,
  );
  await using tcp = open(server, { attest: policy({ channel: "vsock" }) });
  assert.match(await refusal(tcp), /the channel is vsock, not tcp/);
});

Deno.test("a server's certificate is verified as well if there are TLS options", async () => {
  const { cert, key } = await selfSignedPair();
  await using server = await start({ attestation: nsm, tls: { cert, key } });
  await using good = open(server, { attest: policy(), tls: { ca: cert } });
  assert.equal(await who(good), "nobody");
  await using bad = open(server, { attest: policy(), tls: {} });
  assert.match(await refusal(bad), /TLS handshake/);
});

Deno.test("a client without a policy calls what needs no attested peer", async () => {
  await using server = await start({
    attestation: nsm,
    attestPeers: policy(),
    interceptors: [authorize({ "/other": attestedPeer(), "*": anyone })],
  });
  await using channel = open(server, { tls: { insecure: true } });
  assert.equal(await who(channel), "nobody");
  assert.equal((await failure(channel.call("/other", EMPTY))).code, Status.UNIMPLEMENTED);
});

Deno.test("a connection has one exchange, and is closed after an invalid one", async () => {
  await using server = await start({ attestation: nsm, attestPeers: policy() });
  const request = encodeRequest({ format: "nitro", nonce: newNonce() });
  const document = encodeRequest({ format: "nitro", document: new Uint8Array(16_000) });
  const sequences: [string, Uint8Array[], Status][] = [
    ["a second document", [request, request], Status.INVALID_ARGUMENT],
    ["a third call", [document, request, request], Status.INVALID_ARGUMENT],
    ["a broken document", [request, document], Status.PERMISSION_DENIED],
    ["no nonce", [encodeRequest({ format: "nitro" })], Status.INVALID_ARGUMENT],
    [
      "another format",
      [encodeRequest({ format: "x", nonce: newNonce() })],
      Status.INVALID_ARGUMENT,
    ],
    ["no message of the exchange", [Uint8Array.of(255)], Status.INVALID_ARGUMENT],
    ["a long message", [new Uint8Array(17_000)], Status.INVALID_ARGUMENT],
  ];
  for (const [name, messages, code] of sequences) {
    await using channel = open(server, { tls: { insecure: true }, poolSize: 1 });
    let failed: Status | undefined;
    for (const message of messages) {
      failed = await channel.call(ATTEST, message).then(() => undefined, (error) => error.code);
      if (failed !== undefined) break;
    }
    assert.equal(failed, code, name);
    // The connection is gone, and the next call has a new one.
    const { accepted } = server.stats().connections;
    await channel.call("/who", EMPTY).catch(() => channel.call("/who", EMPTY));
    assert.equal(server.stats().connections.accepted, accepted + 1, name);
  }
});

Deno.test("options that cannot work are refused", async () => {
  const attest = policy();
  const fails = (options: ChannelOptions) =>
    assert.throws(() => connect("127.0.0.1:1", options), TypeError);
  fails({ attestation: nsm });
  fails({ attest: {} as AttestationPolicy });
  fails({ attest, attestation: {} as Attester });
  fails({ attest, wire: "connect" });
  fails({ attest, wire: "grpc-web" });
  fails({ attest, wire: "lean", allowVersion1: true });
  fails({ attest: policy({ channel: "vsock" }), tls: true });
  const { cert, key } = await selfSignedPair();
  for (
    const options of [
      { attestPeers: attest },
      { attestation: { format: "A B", attest: nsm.attest } },
      { attestation: nsm, attestPeers: policy({ channel: "vsock" }) },
      {
        attestation: { format: "nitro", channel: "vsock", attest: nsm.attest },
        tls: { cert, key },
      },
      { attestation: nsm, tls: { cert, key, alternatives: [{ cert, key }] } },
    ] as ServeOptions[]
  ) {
    await assert.rejects(start(options), TypeError);
  }
  assert.throws(() => attestedPeer({} as AttestationPolicy), TypeError);
});

async function selfSignedPair() {
  const { selfSigned } = await import("../../../src/transport/certs.ts");
  return await selfSigned();
}

Deno.test("a document that is dated a minute off is accepted, with a warning", async () => {
  await using log = await captureLog({ category: ["vrpc", "client"], lowestLevel: "warning" });
  for (const offMs of [0, -120_000, 120_000]) {
    const attest: Attester["attest"] = (nonce, userData) =>
      nsm.document({ nonce, user_data: userData, fields: { timestamp: Date.now() + offMs } });
    await using server = await start({ attestation: { format: "nitro", attest } });
    await using channel = open(server, { attest: policy(), poolSize: 1 });
    await channel.ready();
  }
  const sides = log.records.map(({ properties }) => properties.side);
  assert.deepEqual(sides, ["behind", "ahead of"]);
});
