/**
 * Descriptors and messages of `vrpc.enclave.v1.EnclaveService`, which `addEnclave` of `@vrpc/vrpc/services` adds to a
 * server.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EnclaveService } from "@vrpc/vrpc/services/enclave";
 *
 * await using channel = connect("vsock:16:5000");
 * const { dix } = await channel.client(EnclaveService).echo({ xid: "abc" });
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
