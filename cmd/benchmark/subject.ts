/**
 * Method and requests of a benchmark: echo, crypto, or any other method.
 *
 * @module
 */

import { basename } from "node:path";
import type { Channel } from "../../mod.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { Algorithm, KeyType, SignRequestSchema } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { EchoRequestSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import type { CallSpec } from "../../src/load/generate/channel_target.ts";
import type { WeightedCall } from "../../src/load/generate/method_mix.ts";
import {
  findMethod,
  setOfTypes,
  splitMethod,
  type Types,
} from "../../src/load/generate/method_source.ts";
import type { MetadataEntry } from "../../src/load/generate/variables.ts";
import { reflect } from "../../src/load/generate/reflection.ts";
import { UsageError } from "../shared/program.ts";
import { CONNECT_TIMEOUT_MS } from "./connect.ts";
import { probeFlow } from "./flow.ts";
import type { FlowOrder } from "./flow_order.ts";
import { metadataEntries, metadataForReflection } from "./headers.ts";
import type { Flags } from "./options.ts";
import { oneRequest, payloadOf, requestData } from "./requests.ts";
import type { MethodOrder, Settings } from "./settings.ts";
import { typesOfProto } from "../shared/proto_file.ts";

/** Method to measure. */
export interface Subject {
  /** Title for headings. */
  readonly title: string;
  /** Methods to call, at least one without a flow. */
  readonly calls: readonly WeightedCall[];
  /** Flow, instead of methods. */
  readonly flow?: FlowOrder;
}

const KEYS: Record<string, KeyType> = {
  "rsa-2048": KeyType.RSA_2048,
  "ecdsa-p256": KeyType.ECDSA_P256,
  "ecdsa-p384": KeyType.ECDSA_P384,
};
const ALGORITHMS: Record<string, { algorithm: Algorithm; keys: readonly string[] }> = {
  "rsa-pkcs1-sha256": { algorithm: Algorithm.RSA_PKCS1_SHA256, keys: ["rsa-2048"] },
  "rsa-pss-sha256": { algorithm: Algorithm.RSA_PSS_SHA256, keys: ["rsa-2048"] },
  "ecdsa-sha256": { algorithm: Algorithm.ECDSA_SHA256, keys: ["ecdsa-p256"] },
  "ecdsa-sha384": { algorithm: Algorithm.ECDSA_SHA384, keys: ["ecdsa-p384"] },
};

/** Resolves the options to methods, in order. Calls the server only when `--method` needs reflection. */
export async function subjectsOf(settings: Settings, channel: Channel): Promise<Subject[]> {
  const { flags, methods } = settings;
  const metadata = await metadataEntries(flags.header ?? []);
  const subject = (title: string, ...specs: CallSpec[]): Subject => {
    const calls = specs.map((spec, i) => ({
      spec: { ...spec, metadata },
      weight: methods[i]?.weight ?? 1,
    }));
    return { title, calls };
  };
  if (flags.flow) {
    const order = await flowOrder(settings, metadata);
    const found = await probeFlow(order, channel, flags.flow, flags.seed);
    return [{ title: basename(order.file), calls: [], flow: { ...order, ...found } }];
  }
  if (methods.length > 0) {
    const specs = await methodSpecs(flags, methods, channel, metadata);
    return [subject(specs.map(({ path }) => path.slice(1)).join(", "), ...specs)];
  }
  const services = flags.service === "both" ? ["echo", "crypto"] : [flags.service];
  return services.map((service) =>
    service === "echo"
      ? subject("Echo Service", echo(flags))
      : subject("Crypto Service", sign(flags))
  );
}

/** Returns the algorithm to use. Throws {@link UsageError} when it does not match the key. */
export function algorithmFor(flags: Pick<Flags, "cryptoKey" | "cryptoAlgorithm">): Algorithm {
  const { cryptoKey, cryptoAlgorithm } = flags;
  const fitting = Object.entries(ALGORITHMS).filter(([, { keys }]) => keys.includes(cryptoKey));
  if (cryptoAlgorithm === undefined) return fitting[0][1].algorithm;
  const found = fitting.find(([name]) => name === cryptoAlgorithm);
  if (found) return found[1].algorithm;
  const names = fitting.map(([name]) => name).join(" or ");
  throw new UsageError(
    `Algorithm ${cryptoAlgorithm} does not match the key ${cryptoKey}: use ${names}`,
  );
}

function echo(flags: Flags): CallSpec {
  const message = toBinary(
    EchoRequestSchema,
    create(EchoRequestSchema, { payload: payloadOf(flags) }),
  );
  return {
    path: "/vrpc.echo.v1.EchoService/Echo",
    kind: "unary",
    requests: oneRequest([message]),
    timeoutMs: flags.timeout,
    serverTime: "echo",
  };
}

function sign(flags: Flags): CallSpec {
  const request = create(SignRequestSchema, {
    keyType: KEYS[flags.cryptoKey],
    algorithm: algorithmFor(flags),
    data: payloadOf(flags),
  });
  return {
    path: "/vrpc.crypto.v1.CryptoService/Sign",
    kind: "unary",
    requests: oneRequest([toBinary(SignRequestSchema, request)]),
    timeoutMs: flags.timeout,
    serverTime: "sign",
  };
}

async function flowOrder(
  { flags, users }: Settings,
  metadata: readonly MetadataEntry[],
): Promise<FlowOrder> {
  const { proto, protoPath, scenario, timeout } = flags;
  const types = proto === undefined ? undefined : setOfTypes(await typesOfProto(proto, protoPath));
  return {
    file: scenario!,
    users: users!,
    methods: [],
    called: [],
    types,
    metadata,
    timeoutMs: timeout,
  };
}

/** Reads the types of each service once. */
async function methodSpecs(
  flags: Flags,
  methods: readonly MethodOrder[],
  channel: Channel,
  metadata: readonly MetadataEntry[],
): Promise<CallSpec[]> {
  const known = new Map<string, Promise<Types>>();
  const typesFor = (name: string) => {
    const service = flags.proto === undefined ? splitMethod(name).service : flags.proto;
    const reading = known.get(service) ??
      (flags.proto === undefined
        ? reflect(channel, service, CONNECT_TIMEOUT_MS, metadataForReflection(metadata))
        : typesOfProto(flags.proto, flags.protoPath));
    known.set(service, reading);
    return reading;
  };
  const specs: CallSpec[] = [];
  for (const order of methods) {
    const found = await usageErrors(async () => findMethod(await typesFor(order.name), order.name));
    specs.push({
      path: found.path,
      kind: found.kind,
      requests: await requestData(flags, order, found),
      timeoutMs: flags.timeout,
    });
  }
  return specs;
}

/** Turns the TypeError of an invalid name into a {@link UsageError}. */
async function usageErrors<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
