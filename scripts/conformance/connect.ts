/**
 * The Connect conformance suite, against this project's server and client.
 *
 * @module
 */

import { join } from "node:path";
import { ourProgram } from "./our_program.ts";
import { capture } from "./process.ts";
import type { Counts, Stage } from "./stage.ts";
import { CACHE, conformanceProtos, install, TOOLS } from "./tools.ts";

const CONFIG = `features:
  versions: [HTTP_VERSION_1, HTTP_VERSION_2]
  protocols: [PROTOCOL_CONNECT, PROTOCOL_GRPC, PROTOCOL_GRPC_WEB]
  codecs: [CODEC_PROTO, CODEC_JSON]
  compressions: [COMPRESSION_IDENTITY, COMPRESSION_GZIP]
  streamTypes:
    - STREAM_TYPE_UNARY
    - STREAM_TYPE_CLIENT_STREAM
    - STREAM_TYPE_SERVER_STREAM
    - STREAM_TYPE_HALF_DUPLEX_BIDI_STREAM
    - STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
  supportsH2c: true
  supportsTls: true
  supportsTlsClientCerts: true
  supportsTrailers: true
  supportsHalfDuplexBidiOverHttp1: true
  supportsConnectGet: true
  supportsMessageReceiveLimit: true
`;

/** What a handler of the Fetch API can carry: no gRPC, and `Deno.serve` asks for no client certificates. */
const FETCH_CONFIG = CONFIG.replace(" PROTOCOL_GRPC,", "").replace(
  "supportsTlsClientCerts: true",
  "supportsTlsClientCerts: false",
);

const ALL_COMPRESSIONS_CONFIG = CONFIG.replace(
  "COMPRESSION_GZIP]",
  "COMPRESSION_GZIP, COMPRESSION_BR, COMPRESSION_ZSTD, COMPRESSION_DEFLATE, COMPRESSION_SNAPPY]",
);

const CONFIGS = {
  "gzip": CONFIG,
  "all compressions": ALL_COMPRESSIONS_CONFIG,
  "fetch": FETCH_CONFIG,
} as const;

async function connectConformance(
  limitMs: number,
  mode: "server" | "client",
  what: keyof typeof CONFIGS,
): Promise<Counts> {
  const program = await install(TOOLS.connectconformance);
  const protos = await conformanceProtos();
  const config = join(CACHE, `conformance-${what.replace(" ", "-")}.yaml`);
  await Deno.writeTextFile(config, CONFIGS[what]);
  const { output } = await capture([
    program,
    "--conf",
    config,
    "--mode",
    mode,
    // Some cases measure milliseconds: fewer in parallel for machines with two cores.
    ...(mode === "server" ? ["--parallel", "4"] : []),
    "--",
    ...ourProgram(
      `tests/compat/conformance/${mode}.ts`,
      ...(what === "fetch" ? ["--fetch"] : []),
    ),
  ], { limitMs, env: { VRPC_CONFORMANCE_PROTOS: protos } });
  const total = Number(/Total cases: (\d+)/.exec(output)?.[1] ?? 0);
  const passed = Number(/(\d+) passed/.exec(output)?.[1] ?? 0);
  return { total, passed, report: total > 0 && total === passed ? undefined : output.slice(-8000) };
}

/** Stages for the semantics of calls. */
export const CONNECT_STAGES: Stage[] = [
  {
    name: "Connect conformance, our server",
    expected: 3_820,
    needs: ["go"],
    limitSeconds: 900,
    run: (limitMs) => connectConformance(limitMs, "server", "gzip"),
  },
  {
    name: "Connect conformance, our handler of Deno.serve",
    expected: 2_928,
    needs: ["go"],
    limitSeconds: 300,
    onlyOnDeno: true,
    run: (limitMs) => connectConformance(limitMs, "server", "fetch"),
  },
  {
    name: "Connect conformance, our client",
    expected: 4_862,
    needs: ["go"],
    limitSeconds: 300,
    run: (limitMs) => connectConformance(limitMs, "client", "gzip"),
  },
  {
    name: "Connect conformance, our server, all compressions",
    expected: 10_756,
    needs: ["go"],
    limitSeconds: 1_800,
    onlyWithAll: true,
    run: (limitMs) => connectConformance(limitMs, "server", "all compressions"),
  },
  {
    name: "Connect conformance, our client, all compressions",
    expected: 13_094,
    needs: ["go"],
    limitSeconds: 900,
    onlyWithAll: true,
    run: (limitMs) => connectConformance(limitMs, "client", "all compressions"),
  },
];
