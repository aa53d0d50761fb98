/**
 * Descriptors and messages of `vrpc.crypto.v1.CryptoService`, which `addCrypto` of `@vrpc/vrpc/services` adds to a
 * server.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { Algorithm, CryptoService, KeyType } from "@vrpc/vrpc/services/crypto";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const crypto = channel.client(CryptoService);
 * const { signature } = await crypto.sign({
 *   keyType: KeyType.ECDSA_P256,
 *   algorithm: Algorithm.ECDSA_SHA256,
 *   data: new TextEncoder().encode("document"),
 * });
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
