/**
 * Implementations to compare: how to build each, start its server, and run its client.
 *
 * @module
 */

import { join } from "node:path";
import { SERVER_V8_FLAGS } from "../processes.ts";
import { clientsOf, type Peer } from "./peer.ts";
import { adapterOnDeno, adapterOnNode, grpcJsOn, oursOn } from "./runtimes.ts";
import { copySources } from "./sources.ts";
import { CACHE, HERE, run, versionOf } from "./tools.ts";

const GO_TOOLS = {
  "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
};

// One thread for the one core.
const ONE_THREAD = { GOMAXPROCS: "1" };

/** Runs the Buf CLI. */
async function buf(args: string[], cwd: string): Promise<void> {
  const imports = JSON.parse(await Deno.readTextFile(join(HERE, "../../deno.json"))).imports;
  const runtime = [Deno.execPath(), "run", "--quiet", "-A"];
  await run([...runtime, imports["@bufbuild/buf"], ...args], { cwd });
}

/** Builds the grpc-go peer, also the load generator of some workloads; returns its path. */
export async function buildGo(): Promise<string> {
  const folder = await copySources(HERE, join(CACHE, "go"), [
    "go/go.mod",
    "go/go.sum",
    ...["main.go", "server.go", "connect.go", "orders.go"].map((name) => `go/${name}`),
    ...["load.go", "raw.go", "mixed.go", "tls.go", "crowd.go"].map((name) => `go/${name}`),
    "echo.proto",
    "orders.proto",
  ]);
  const bin = join(folder, "bin");
  const env = { GOBIN: bin, GOFLAGS: "-p=1" };
  for (const path of Object.values(GO_TOOLS)) await run(["go", "install", path], { env });
  const plugins = Object.keys(GO_TOOLS).map((name) => ({
    local: join(bin, name),
    out: folder,
    opt: ["module=bench"],
  }));
  const template = JSON.stringify({ version: "v2", plugins });
  await buf(["generate", folder, "--template", template], folder);
  await run(["go", "build", "-o", "peers", "."], { cwd: folder, env: { GOFLAGS: "-p=1" } });
  return join(folder, "peers");
}

/** Returns the version of a module and of Go. */
async function goVersion(name: string, module: string): Promise<string> {
  const required = await Deno.readTextFile(join(HERE, "go/go.mod"));
  const library = required.split("\n").find((line) => line.trim().startsWith(`${module} `));
  return `${name} ${library?.trim().split(" ")[1]}, ${await versionOf(["go", "version"])}`;
}

async function grpcGo(): Promise<Peer> {
  const program = await buildGo();
  return {
    name: "grpc-go",
    version: await goVersion("grpc-go", "google.golang.org/grpc"),
    ours: false,
    protocols: ["grpc"],
    server: [program, "server", "127.0.0.1:0"],
    clients: { small: [program, "unary"], nested: [program, "nested"] },
    env: ONE_THREAD,
  };
}

async function connectGo(): Promise<Peer> {
  const program = await buildGo();
  return {
    name: "connect-go",
    version: await goVersion("connect-go", "connectrpc.com/connect"),
    ours: false,
    protocols: ["connect"],
    server: [program, "connect", "127.0.0.1:0"],
    env: ONE_THREAD,
  };
}

async function tonicPeer(): Promise<Peer> {
  const target = join(CACHE, "tonic");
  const folder = join(HERE, "tonic");
  await run(["cargo", "build", "--release", "-j1"], {
    cwd: folder,
    env: { CARGO_TARGET_DIR: target },
  });
  const program = join(target, "release/peers");
  const library = /tonic = (?:\{ version = )?"=([^"]+)"/.exec(
    await Deno.readTextFile(join(folder, "Cargo.toml")),
  )?.[1];
  return {
    name: "tonic",
    version: `tonic ${library}, ${await versionOf(["rustc", "--version"])}, one thread, LTO`,
    ours: false,
    protocols: ["grpc"],
    server: [program, "server", "127.0.0.1:0"],
    clients: clientsOf([program]),
  };
}

async function installGrpcJs(): Promise<{ program: string; version: string }> {
  const folder = await copySources(HERE, join(CACHE, "grpc_js"), [
    "grpc_js/package.json",
    "grpc_js/peer.mjs",
    "echo.proto",
    "orders.proto",
  ]);
  await run(["npm", "install", "--no-audit", "--no-fund"], { cwd: folder });
  const library = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  const version = library.dependencies["@grpc/grpc-js"];
  return { program: join(folder, "peer.mjs"), version };
}

async function grpcJsOnNode(): Promise<Peer> {
  const { program, version } = await installGrpcJs();
  return {
    name: "grpc-js, Node",
    version: `grpc-js ${version}, Node ${await versionOf(["node", "--version"])}`,
    ours: false,
    protocols: ["grpc"],
    server: ["node", program, "server", "127.0.0.1:0"],
    clients: clientsOf(["node", program]),
  };
}

async function grpcJsOnDeno(): Promise<Peer> {
  const { program, version } = await installGrpcJs();
  return {
    name: "grpc-js, Deno",
    version: `grpc-js ${version}, Deno ${Deno.version.deno}`,
    ours: false,
    protocols: ["grpc"],
    server: [Deno.execPath(), "run", "-A", program, "server", "127.0.0.1:0"],
    clients: clientsOf([Deno.execPath(), "run", "-A", program]),
  };
}

async function connectNode(): Promise<Peer> {
  const folder = await copySources(HERE, join(CACHE, "connect_node"), [
    "connect_node/package.json",
    "connect_node/peer.mjs",
    "echo.proto",
    "orders.proto",
  ]);
  await buf(["build", folder, "-o", "services.binpb"], folder);
  await run(["npm", "install", "--no-audit", "--no-fund"], { cwd: folder });
  const { dependencies } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  const program = join(folder, "peer.mjs");
  return {
    name: "connect-node",
    version: `connect-node ${dependencies["@connectrpc/connect-node"]}, Node ${await versionOf([
      "node",
      "--version",
    ])}`,
    ours: false,
    protocols: ["grpc", "connect"],
    server: ["node", program, "server", "127.0.0.1:0"],
    clients: clientsOf(["node", program]),
  };
}

// The V8 flags of the tasks and the compiled programs.
const V8_FLAGS = SERVER_V8_FLAGS.slice("--v8-flags=".length);

/** Returns the command that starts the echo server of this project, or of another checkout's, with a number of workers. */
export function echoServer(workers = 1, folder = HERE): string[] {
  const flags = ["run", "-A", "--no-check", SERVER_V8_FLAGS];
  const args = ["--addr", "127.0.0.1:0", "--workers", String(workers)];
  return [Deno.execPath(), ...flags, join(folder, "server.ts"), ...args];
}

function ourPeer(): Promise<Peer> {
  return Promise.resolve({
    name: "vrpc",
    version: `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${V8_FLAGS}`,
    ours: true,
    protocols: ["grpc", "connect"],
    server: echoServer(),
    clients: clientsOf([Deno.execPath(), "run", "-A", "--no-check", join(HERE, "client.ts")]),
  });
}

/** Server of another checkout of this project, for comparison with earlier versions. It has no other mode than `plain`. */
export async function earlierPeer(checkout: string): Promise<Peer> {
  const folder = join(checkout, "bench/peers/");
  await Deno.stat(join(folder, "server.ts"));
  const commit = await versionOf(["git", "-C", checkout, "rev-parse", "--short", "HEAD"]);
  return {
    name: "vrpc, earlier",
    version: `commit ${commit}`,
    ours: false,
    protocols: ["grpc", "connect"],
    server: echoServer(1, folder),
  };
}

const BUILDERS: Record<string, () => Promise<Peer>> = {
  vrpc: ourPeer,
  tonic: tonicPeer,
  "grpc-go": grpcGo,
  "grpc-js-node": grpcJsOnNode,
  "grpc-js-deno": grpcJsOnDeno,
  "connect-node": connectNode,
  "connect-go": connectGo,
};

/** Other runtimes, and the adapter for grpc-js. */
const RUNTIME_BUILDERS: Record<string, () => Promise<Peer>> = {
  "vrpc-node": () => oursOn("node"),
  "vrpc-node-24": () => oursOn("node", "24"),
  "vrpc-bun": () => oursOn("bun"),
  "adapter-deno": adapterOnDeno,
  "adapter-node": adapterOnNode,
  "grpc-js-node-24": async () => grpcJsOn("node", "24", await installGrpcJs()),
  "grpc-js-bun": async () => grpcJsOn("bun", undefined, await installGrpcJs()),
};

/** Names of the peers that are compared by default. */
export const PEERS: readonly string[] = Object.keys(BUILDERS);
/** Names of the peers that compare runtimes. */
export const RUNTIME_PEERS: readonly string[] = Object.keys(RUNTIME_BUILDERS);

/** Builds the named peers; also returns why others were skipped. */
export async function buildPeers(
  names: readonly string[],
): Promise<{ peers: Peer[]; skipped: string[] }> {
  const peers: Peer[] = [];
  const skipped: string[] = [];
  for (const name of names) {
    try {
      peers.push(await (BUILDERS[name] ?? RUNTIME_BUILDERS[name])());
    } catch (error) {
      skipped.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { peers, skipped };
}
