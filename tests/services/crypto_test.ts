import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Algorithm,
  GetPublicKeyRequestSchema,
  KeyType,
  SignRequestSchema,
  VerifyRequestSchema,
} from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { Status } from "../../src/call/status.ts";
import { RpcError } from "../../src/errors.ts";
import {
  CryptoHandlers,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNED_DATA_BYTES,
} from "../../src/services/crypto.ts";
import { type CryptoKeys, generateCryptoKeys } from "../../src/services/crypto_keys.ts";

const keys = await generateCryptoKeys();
const signRequest = (init: MessageInitShape<typeof SignRequestSchema>) =>
  create(SignRequestSchema, init);
const verifyRequest = (init: MessageInitShape<typeof VerifyRequestSchema>) =>
  create(VerifyRequestSchema, init);
const keyRequest = (keyType: KeyType) => create(GetPublicKeyRequestSchema, { keyType });

const PAIRS: [KeyType, Algorithm][] = [
  [KeyType.RSA_2048, Algorithm.RSA_PKCS1_SHA256],
  [KeyType.RSA_2048, Algorithm.RSA_PSS_SHA256],
  [KeyType.ECDSA_P256, Algorithm.ECDSA_SHA256],
  [KeyType.ECDSA_P384, Algorithm.ECDSA_SHA384],
];

function invalidArgument(text: RegExp) {
  return (error: unknown) =>
    error instanceof RpcError && error.code === Status.INVALID_ARGUMENT && text.test(error.message);
}

Deno.test("sign(), verify() and getPublicKey() agree, on handlers that share keys", async () => {
  using signing = new CryptoHandlers({ keys });
  using other = new CryptoHandlers({ keys, backend: "webcrypto" });
  for (const [keyType, algorithm] of PAIRS) {
    const data = new TextEncoder().encode("data");
    const { signature } = await signing.sign(signRequest({ keyType, algorithm, data }));
    const request = verifyRequest({ keyType, algorithm, data, signature });
    assert.equal((await other.verify(request)).valid, true);
    const publicKey = await other.getPublicKey(keyRequest(keyType));
    assert.ok(publicKey.algorithms?.includes(algorithm));
    const parsed = createPublicKey(publicKey.pem!);
    assert.deepEqual(new Uint8Array(parsed.export({ type: "spki", format: "der" })), publicKey.der);
    if (algorithm === Algorithm.ECDSA_SHA384) {
      assert.ok(verify("SHA384", data, parsed, signature!));
    }
  }
});

Deno.test("sign() waits until the keys are generated", async () => {
  const later = Promise.withResolvers<CryptoKeys>();
  using handlers = new CryptoHandlers({ keys: later.promise });
  const request = signRequest({ keyType: KeyType.ECDSA_P256, algorithm: Algorithm.ECDSA_SHA256 });
  const signing = handlers.sign(request);
  assert.ok(signing instanceof Promise);
  later.resolve(keys);
  const { signature, serverTimeNs } = await signing;
  assert.ok(signature!.length > 60);
  assert.ok(serverTimeNs! > 0n);
});

Deno.test("calls fail with INTERNAL without keys, and the reason is not sent", async () => {
  using handlers = new CryptoHandlers({ keys: Promise.reject(new Error("secret reason")) });
  const request = signRequest({ keyType: KeyType.ECDSA_P256, algorithm: Algorithm.ECDSA_SHA256 });
  const internal = (error: unknown) =>
    error instanceof RpcError && error.code === Status.INTERNAL && !/secret/.test(error.message);
  await assert.rejects(async () => await handlers.sign(request), internal);
  await assert.rejects(handlers.getPublicKey(keyRequest(KeyType.RSA_2048)), internal);
  await assert.rejects(handlers.ready, /secret reason/);
});

Deno.test("invalid arguments are INVALID_ARGUMENT with the valid choices", async () => {
  using handlers = new CryptoHandlers({ keys });
  await handlers.ready;
  const cases: [{ keyType?: KeyType; algorithm?: Algorithm; data?: Uint8Array }, RegExp][] = [
    [{}, /^key_type is not set: use one of KEY_TYPE_RSA_2048, KEY_TYPE_ECDSA_P256, KEY_TYPE_EC/],
    [{ keyType: 9 as KeyType }, /^key_type 9 is not known: use one of KEY_TYPE_RSA_2048/],
    [
      { keyType: KeyType.RSA_2048 },
      /^algorithm is not set: KEY_TYPE_RSA_2048 signs with ALGORITHM_RSA_PKCS1_SHA256 or ALGORITHM_RSA_PSS_SHA256$/,
    ],
    [
      { keyType: KeyType.ECDSA_P256, algorithm: Algorithm.ECDSA_SHA384 },
      /^ALGORITHM_ECDSA_SHA384 does not fit KEY_TYPE_ECDSA_P256: KEY_TYPE_ECDSA_P256 signs with ALGORITHM_ECDSA_SHA256$/,
    ],
    [{ keyType: KeyType.ECDSA_P256, algorithm: 77 as Algorithm }, /^algorithm 77 is unknown/],
    [
      {
        keyType: KeyType.ECDSA_P256,
        algorithm: Algorithm.ECDSA_SHA256,
        data: new Uint8Array(MAX_SIGNED_DATA_BYTES + 1),
      },
      /^data has 1048577 bytes, the limit is 1048576$/,
    ],
  ];
  for (const [init, text] of cases) {
    assert.throws(() => handlers.sign(signRequest(init)), invalidArgument(text));
    await assert.rejects(handlers.verify(verifyRequest(init)), invalidArgument(text));
  }
  await assert.rejects(
    handlers.verify(verifyRequest({
      keyType: KeyType.ECDSA_P256,
      algorithm: Algorithm.ECDSA_SHA256,
      signature: new Uint8Array(MAX_SIGNATURE_BYTES + 1),
    })),
    invalidArgument(/^signature has 513 bytes, the limit is 512$/),
  );
  await assert.rejects(handlers.getPublicKey(keyRequest(KeyType.UNSPECIFIED)), RpcError);
});

Deno.test("sign() takes data up to its limit", async () => {
  using handlers = new CryptoHandlers({ keys });
  const data = new Uint8Array(MAX_SIGNED_DATA_BYTES);
  const request = { keyType: KeyType.RSA_2048, algorithm: Algorithm.RSA_PKCS1_SHA256, data };
  const { signature } = await handlers.sign(signRequest(request));
  assert.equal((await handlers.verify(verifyRequest({ ...request, signature }))).valid, true);
});
