import type { CommanderError } from "commander";
import assert from "node:assert/strict";
import {
  applyPreset,
  benchmarkCommand,
  type Flags,
  withDataFlag,
} from "../../cmd/benchmark/options.ts";
import { type Settings, settingsOf } from "../../cmd/benchmark/settings.ts";
import { algorithmFor } from "../../cmd/benchmark/subject.ts";
import { UsageError } from "../../cmd/shared/program.ts";
import { warningsOf } from "../../cmd/shared/variables.ts";
import { parseConditions } from "../../src/load/mod.ts";
import { Algorithm } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";

interface Case {
  /** Flag without dashes. */
  flag: string;
  /** Environment variables. */
  env: string[];
  /** Reads the value from the settings. */
  key: keyof Flags;
  /** Default. */
  default: unknown;
  /** Texts and their parsed values. */
  values: [text: string, value: unknown][];
}

const CASES: Case[] = [
  {
    flag: "connections",
    env: ["CONNECTIONS", "CONCURRENT_REQUESTS"],
    key: "connections",
    default: 10,
    values: [["7", 7], ["8", 8]],
  },
  { flag: "threads", env: ["THREADS"], key: "threads", default: 4, values: [["2", 2], ["3", 3]] },
  {
    flag: "requests",
    env: ["REQUESTS", "TOTAL_REQUESTS"],
    key: "requests",
    default: 1000,
    values: [["50", 50], ["60", 60]],
  },
  {
    flag: "rate",
    env: ["RATE_LIMIT"],
    key: "rate",
    default: undefined,
    values: [["100", 100], ["0.5", 0.5]],
  },
  {
    flag: "transport",
    env: ["TRANSPORT"],
    key: "transport",
    default: "tcp",
    values: [["tls", "tls"], ["UNIX", "unix"], ["vsock", "vsock"], ["hvsock", "hvsock"]],
  },
  {
    flag: "service",
    env: ["SERVICE", "BENCHMARK_TYPE"],
    key: "service",
    default: "echo",
    values: [["crypto", "crypto"], ["both", "both"], ["Echo", "echo"]],
  },
  {
    flag: "duration",
    env: ["DURATION"],
    key: "duration",
    default: undefined,
    values: [["30s", 30_000], ["2m", 120_000], ["1h", 3_600_000], ["45", 45_000]],
  },
  {
    flag: "server",
    env: ["SERVER_ADDR"],
    key: "server",
    default: "127.0.0.1:50051",
    values: [["localhost:1", "localhost:1"], ["unix:/a.sock", "unix:/a.sock"]],
  },
  {
    flag: "streams",
    env: ["VRPC_STREAMS"],
    key: "streams",
    default: undefined,
    values: [["5", 5], ["6", 6]],
  },
  {
    flag: "payload",
    env: ["VRPC_PAYLOAD"],
    key: "payload",
    default: 64,
    values: [["0", 0], ["1024", 1024]],
  },
  {
    flag: "method",
    env: ["VRPC_METHOD"],
    key: "method",
    default: undefined,
    values: [["a.B/C", ["a.B/C"]], ["a.B/D=3", ["a.B/D=3"]]],
  },
  {
    flag: "data",
    env: ["VRPC_DATA"],
    key: "data",
    default: undefined,
    values: [["{}", ["{}"]], ["@f", ["@f"]]],
  },
  {
    flag: "data-file",
    env: ["VRPC_DATA_FILE"],
    key: "dataFile",
    default: undefined,
    values: [["a.csv", ["a.csv"]], ["b.jsonl", ["b.jsonl"]]],
  },
  {
    flag: "data-order",
    env: ["VRPC_DATA_ORDER"],
    key: "dataOrder",
    default: "round-robin",
    values: [["random", "random"], ["round-robin", "round-robin"]],
  },
  {
    flag: "header",
    env: ["VRPC_HEADER"],
    key: "header",
    default: undefined,
    values: [["a: b", ["a: b"]], ["@file", ["@file"]]],
  },
  {
    flag: "proto",
    env: ["VRPC_PROTO"],
    key: "proto",
    default: undefined,
    values: [["a.proto", "a.proto"], ["b.pb", "b.pb"]],
  },
  {
    flag: "proto-path",
    env: ["VRPC_PROTO_PATH"],
    key: "protoPath",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "wire",
    env: ["VRPC_WIRE"],
    key: "wire",
    default: "grpc",
    values: [["lean", "lean"], ["grpc-web", "grpc-web"]],
  },
  {
    flag: "batch",
    env: ["VRPC_BATCH"],
    key: "batch",
    default: false,
    values: [["on", true], ["off", false]],
  },
  {
    flag: "warmup",
    env: ["VRPC_WARMUP"],
    key: "warmup",
    default: 0,
    values: [["2s", 2000], ["0", 0]],
  },
  {
    flag: "mode",
    env: ["VRPC_MODE"],
    key: "mode",
    default: undefined,
    values: [["open", "open"], ["closed", "closed"]],
  },
  {
    flag: "arrivals",
    env: ["VRPC_ARRIVALS"],
    key: "arrivals",
    default: "uniform",
    values: [["poisson", "poisson"], ["uniform", "uniform"]],
  },
  {
    flag: "timeout",
    env: ["VRPC_TIMEOUT"],
    key: "timeout",
    default: undefined,
    values: [["500ms", 500], ["1", 1000]],
  },
  {
    flag: "crypto-key",
    env: ["VRPC_CRYPTO_KEY"],
    key: "cryptoKey",
    default: "rsa-2048",
    values: [["ecdsa-p256", "ecdsa-p256"], ["ECDSA-P384", "ecdsa-p384"]],
  },
  {
    flag: "crypto-algorithm",
    env: ["VRPC_CRYPTO_ALGORITHM"],
    key: "cryptoAlgorithm",
    default: undefined,
    values: [["rsa-pss-sha256", "rsa-pss-sha256"], ["ecdsa-sha256", "ecdsa-sha256"]],
  },
  {
    flag: "stages",
    env: ["VRPC_STAGES"],
    key: "stages",
    default: undefined,
    values: [
      ["1s@5", [{ name: "stage1", durationMs: 1000, fromRate: 5, toRate: 5 }]],
      ["up=2s@0..9", [{ name: "up", durationMs: 2000, fromRate: 0, toRate: 9 }]],
    ],
  },
  {
    flag: "shape",
    env: ["VRPC_SHAPE"],
    key: "shape",
    default: undefined,
    values: [["spike", "spike"], ["Soak", "soak"]],
  },
  {
    flag: "tag",
    env: ["VRPC_TAG"],
    key: "tag",
    default: undefined,
    values: [["a=b", ["a=b"]], ["c=d", ["c=d"]]],
  },
  {
    flag: "find-limit",
    env: ["VRPC_FIND_LIMIT"],
    key: "findLimit",
    default: undefined,
    values: [["p99<5ms", "p99<5ms"], ["failed==0", "failed==0"]],
  },
  {
    flag: "against",
    env: ["VRPC_AGAINST"],
    key: "against",
    default: undefined,
    values: [["localhost:1", "localhost:1"], ["unix:/a.sock", "unix:/a.sock"]],
  },
  {
    flag: "rounds",
    env: ["VRPC_ROUNDS"],
    key: "rounds",
    default: undefined,
    values: [["7", 7], ["auto", "auto"]],
  },
  {
    flag: "difference",
    env: ["VRPC_DIFFERENCE"],
    key: "difference",
    default: 5,
    values: [["2%", 2], ["0.5", 0.5]],
  },
  {
    flag: "users",
    env: ["VRPC_USERS"],
    key: "users",
    default: undefined,
    values: [["7", 7], ["8", 8]],
  },
  {
    flag: "scenario",
    env: ["VRPC_SCENARIO"],
    key: "scenario",
    default: undefined,
    values: [["a.ts", "a.ts"], ["b.json", "b.json"]],
  },
  {
    flag: "tls",
    env: ["VRPC_TLS"],
    key: "tls",
    default: false,
    values: [["on", true], ["no", false]],
  },
  {
    flag: "tls-ca",
    env: ["VRPC_TLS_CA"],
    key: "tlsCa",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "tls-cert",
    env: ["VRPC_TLS_CERT"],
    key: "tlsCert",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "tls-key",
    env: ["VRPC_TLS_KEY"],
    key: "tlsKey",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "tls-server-name",
    env: ["VRPC_TLS_SERVER_NAME"],
    key: "tlsServerName",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "tls-insecure",
    env: ["VRPC_TLS_INSECURE"],
    key: "tlsInsecure",
    default: false,
    values: [["on", true], ["off", false]],
  },
  {
    flag: "output",
    env: ["VRPC_OUTPUT"],
    key: "output",
    default: "text",
    values: [["json", "json"], ["csv", "csv"], ["html", "html"], ["TEXT", "text"], [
      "otlp",
      "otlp",
    ]],
  },
  {
    flag: "otlp-endpoint",
    env: ["VRPC_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    key: "otlpEndpoint",
    default: "http://127.0.0.1:4318",
    values: [["http://a:1", "http://a:1"], ["http://b:2/x", "http://b:2/x"]],
  },
  {
    flag: "out",
    env: ["VRPC_OUT"],
    key: "out",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "compare",
    env: ["VRPC_COMPARE"],
    key: "compare",
    default: undefined,
    values: [["a", "a"], ["b", "b"]],
  },
  {
    flag: "fail-if",
    env: ["VRPC_FAIL_IF"],
    key: "failIf",
    default: undefined,
    values: [["p99>5ms", "p99>5ms"], ["failed>0", "failed>0"]],
  },
  { flag: "seed", env: ["VRPC_SEED"], key: "seed", default: 1, values: [["42", 42], ["0", 0]] },
  {
    flag: "progress",
    env: ["VRPC_PROGRESS"],
    key: "progress",
    default: "auto",
    values: [["on", "on"], ["off", "off"]],
  },
  {
    flag: "start-server",
    env: ["VRPC_START_SERVER"],
    key: "startServer",
    default: false,
    values: [["on", true], ["off", false]],
  },
  {
    flag: "preset",
    env: ["VRPC_PRESET"],
    key: "preset",
    default: undefined,
    values: [["heavy", "heavy"], ["light", "light"]],
  },
];

const VARIABLES = CASES.flatMap((one) => one.env);

/** Runs `body` with only these variables of the benchmark set. */
async function withEnv<T>(env: Record<string, string>, body: () => T | Promise<T>): Promise<T> {
  const before = VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of VARIABLES) Deno.env.delete(name);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

function command(args: string[]) {
  const made = benchmarkCommand();
  made.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  made.parse(args, { from: "user" });
  return made;
}

const flagsOf = (env: Record<string, string>, ...args: string[]) =>
  withEnv(env, () => command(args).opts<Flags>());

const settings = (env: Record<string, string>, ...args: string[]): Promise<Settings> =>
  withEnv(env, () => {
    const made = command(args);
    applyPreset(made);
    return settingsOf(made);
  });

for (const { flag, env, key, default: initial, values } of CASES) {
  Deno.test(`--${flag}: flag over ${env.join(", ")} over default`, async () => {
    assert.deepEqual((await flagsOf({}))[key], initial, "default");
    for (const [text, value] of values) {
      assert.deepEqual((await flagsOf({}, `--${flag}`, text))[key], value, `--${flag} ${text}`);
      for (const name of env) {
        assert.deepEqual((await flagsOf({ [name]: text }))[key], value, `${name}=${text}`);
      }
    }
    const [[first, expected], [second]] = values;
    for (const name of env) {
      const found = await flagsOf({ [name]: second }, `--${flag}`, first);
      assert.deepEqual(found[key], expected, `--${flag} ${first} wins over ${name}=${second}`);
    }
    const [[firstText, firstValue], [secondText]] = values;
    if (env.length > 1) {
      const both = await flagsOf({ [env[0]]: firstText, [env[1]]: secondText });
      assert.deepEqual(both[key], firstValue, `${env[0]} wins over ${env[1]}`);
    }
  });
}

Deno.test("--batch and --start-server need no value", async () => {
  const { batch, startServer, requests } = await flagsOf(
    {},
    "--batch",
    "--start-server",
    "-n",
    "5",
  );
  assert.deepEqual([batch, startServer, requests], [true, true, 5]);
});

Deno.test("-d is the data where it is JSON or a file, otherwise the duration", () => {
  const of = (...args: string[]) => withDataFlag(args);
  assert.deepEqual(of("-d", '{"id":7}'), ["--data", '{"id":7}']);
  assert.deepEqual(of("-d", "@a.json", "-d", "5s"), ["--data", "@a.json", "-d", "5s"]);
  assert.deepEqual(of("-d", " [{}]", "-d"), ["--data", " [{}]", "-d"]);
});

Deno.test("every option of the program is in the table of this test", () => {
  const known = new Set(["--version", "--help", ...CASES.map(({ flag }) => `--${flag}`)]);
  const options = benchmarkCommand().options.map((one) => one.long);
  assert.deepEqual(options.filter((name) => !known.has(name!)), []);
});

Deno.test("the help of --fail-if has every metric", () => {
  const help = benchmarkCommand().options.find((one) => one.long === "--fail-if")!.description;
  assert.throws(() => parseConditions("nothing>1"), ({ message }: Error) => {
    const names = message.replace(/^.* or one of ([\w, ]+).*$/s, "$1").split(", ");
    assert.ok(names.length > 10);
    for (const name of names) assert.match(help, new RegExp(`\\b${name}\\b`));
    return true;
  });
});

Deno.test("invalid values are rejected with the name of the flag or variable", async () => {
  const cases: [flag: string, variable: string, text: string][] = [
    ["streams", "VRPC_STREAMS", "1.5"],
    ["rounds", "VRPC_ROUNDS", "1"],
    ["difference", "VRPC_DIFFERENCE", "0%"],
    ["payload", "VRPC_PAYLOAD", "1k"],
    ["wire", "VRPC_WIRE", "http"],
    ["warmup", "VRPC_WARMUP", "soon"],
    ["mode", "VRPC_MODE", "ajar"],
    ["output", "VRPC_OUTPUT", "xml"],
    ["seed", "VRPC_SEED", "x"],
    ["preset", "VRPC_PRESET", "hevy"],
    ["timeout", "VRPC_TIMEOUT", "5x"],
    ["batch", "VRPC_BATCH", "maybe"],
  ];
  for (const [flag, variable, text] of cases) {
    await assert.rejects(flagsOf({}, `--${flag}`, text), (error: CommanderError) => {
      assert.match(error.message, new RegExp(`--${flag} .*${text}' is invalid\\. It must be`));
      return true;
    });
    await assert.rejects(flagsOf({ [variable]: text }), new RegExp(`from env '${variable}'`));
  }
  await assert.rejects(flagsOf({}, "--service", "ehco"), /did you mean echo\?/);
  await assert.rejects(flagsOf({}, "--reqests", "1"), /Did you mean --requests\?/);
});

Deno.test("invalid values of variables without VRPC_ are ignored with a warning, of flags rejected", async () => {
  const cases: [flag: string, variable: string, text: string, reason: RegExp][] = [
    ["connections", "CONNECTIONS", "0", /it must be a whole number from 1 to 10000$/],
    ["connections", "CONCURRENT_REQUESTS", "many", /it must be a whole number/],
    ["threads", "THREADS", "many", /it must be a whole number/],
    ["requests", "REQUESTS", "1.5", /it must be a whole number/],
    ["requests", "TOTAL_REQUESTS", "-1", /it must be a whole number/],
    ["rate", "RATE_LIMIT", "100/m", /it must be a number of calls per second above 0$/],
    ["transport", "TRANSPORT", "stdio", /it must be tcp, tls, unix, vsock or hvsock$/],
    ["service", "SERVICE", "payments", /it must be echo, crypto or both$/],
    ["service", "BENCHMARK_TYPE", "cpu", /it must be echo, crypto or both$/],
    ["duration", "DURATION", "PT5M", /it must be a duration above 0 such as 30s/],
    ["duration", "DURATION", "0", /it must be a duration above 0/],
    ["server", "SERVER_ADDR", "https://api.example", /Address "https:\/\/api\.example"/],
    ["server", "SERVER_ADDR", "memory:x", /only works within one process$/],
  ];
  for (const [flag, variable, text, reason] of cases) {
    const { default: initial, key } = CASES.find((one) => one.flag === flag)!;
    await withEnv({ [variable]: text }, () => {
      const made = command([]);
      assert.deepEqual(made.opts<Flags>()[key], initial, `${variable}=${text}`);
      assert.equal(made.getOptionValueSource(key) ?? "default", "default");
      const [warning, ...others] = warningsOf(made);
      assert.ok(warning.startsWith(`ignored ${variable}=${text} of the environment: `), warning);
      assert.match(warning, reason);
      assert.deepEqual(others, []);
    });
    if (flag === "server") await assert.rejects(settings({}, `--${flag}`, text), UsageError);
    else await assert.rejects(flagsOf({}, `--${flag}`, text), /is invalid/);
  }
});

Deno.test("an ignored variable leaves room for the next one, for a flag and for a preset", async () => {
  const both = { SERVICE: "payments", BENCHMARK_TYPE: "crypto" };
  await withEnv(both, () => {
    const made = command([]);
    assert.equal(made.opts<Flags>().service, "crypto");
    assert.equal(warningsOf(made).length, 1);
    // The flag decides: no variable is used.
    assert.deepEqual(warningsOf(command(["--service", "both"])), []);
  });
  const heavy = await settings({ CONNECTIONS: "lots" }, "--preset", "heavy");
  assert.equal(heavy.flags.connections, 100);
  assert.equal((await flagsOf({ SERVICE: "", VRPC_STREAMS: "" })).streams, undefined);
});

Deno.test("a TRANSPORT of the environment that does not fit the address is ignored, as a flag it is an error", async () => {
  const of = async (env: Record<string, string>, ...args: string[]) =>
    (await settings(env, ...args)).transport;
  assert.equal(await of({ TRANSPORT: "unix" }), "tcp");
  assert.equal(await of({ TRANSPORT: "tcp" }, "--server", "vsock:3:1"), "vsock");
  assert.equal(await of({ TRANSPORT: "tcp" }, "--tls", "on"), "tls");
  assert.equal(await of({ TRANSPORT: "hvsock" }, "--start-server", "on"), "tcp");
  assert.equal(await of({ TRANSPORT: "tls" }), "tls");
  await assert.rejects(settings({}, "--transport", "unix"), /does not match the address/);
  await assert.rejects(
    settings({}, "--transport", "hvsock", "--start-server", "on"),
    /Cannot start a server for hvsock/,
  );
});

Deno.test("a rate makes an open loop with many streams, none a closed one with one", async () => {
  const closed = await settings({});
  assert.deepEqual([closed.plan.mode, closed.streams], ["closed", 1]);
  const open = await settings({}, "--rate", "100");
  assert.deepEqual([open.plan.mode, open.streams], ["open", 100]);
  const limited = await settings({}, "--rate", "100", "--mode", "closed", "--streams", "3");
  assert.deepEqual([limited.plan.mode, limited.streams], ["closed", 3]);
  await assert.rejects(settings({}, "--mode", "open"), /^UsageError: --mode open needs --rate$/);
});

Deno.test("a duration ends the run, and requests limit it only if given", async () => {
  assert.equal((await settings({})).plan.requests, 1000);
  const timed = await settings({}, "--duration", "5s");
  assert.deepEqual([timed.plan.requests, timed.plan.durationMs], [undefined, 5000]);
  const capped = await settings({ TOTAL_REQUESTS: "7" }, "--duration", "5s");
  assert.deepEqual([capped.plan.requests, capped.plan.durationMs], [7, 5000]);
});

Deno.test("stages and shapes make an open loop as long as they are", async () => {
  const { plan } = await settings({}, "--stages", "1s@5,2s@5..50");
  assert.deepEqual([plan.mode, plan.ratePerSecond, plan.durationMs], ["open", 50, 3000]);
  const shaped = await settings({}, "--shape", "step", "--rate", "50", "--duration", "10s");
  assert.equal(shaped.plan.stages?.length, 5);
  assert.deepEqual([shaped.plan.ratePerSecond, shaped.plan.durationMs], [50, 10_000]);
});

Deno.test("a search for a limit begins at the rate, with short trials", async () => {
  const { plan, limit } = await settings({}, "--find-limit", "p99<5ms,failed==0");
  assert.deepEqual([plan.ratePerSecond, plan.durationMs, plan.warmupMs], [1000, 3000, 500]);
  assert.equal(limit?.conditions.length, 2);
  const own = (await settings({}, "--find-limit", "p99<5ms", "-r", "7", "-d", "9s")).plan;
  assert.deepEqual([own.mode, own.ratePerSecond, own.durationMs], ["open", 7, 9000]);
});

Deno.test("several methods have weights, and data for all or for each", async () => {
  const two = ["--method", "a.B/C=3", "--method", "/a.B/D"];
  const shared = await settings({}, ...two, "--data", "{}", "--tag", "a=b=c", "--tag", "d=");
  assert.deepEqual(shared.methods, [
    { name: "a.B/C", weight: 3, data: "{}", dataFile: undefined },
    { name: "a.B/D", weight: 1, data: "{}", dataFile: undefined },
  ]);
  assert.deepEqual(shared.tags, { a: "b=c", d: "" });
  const own = await settings({}, ...two, "--data", "[1]", "--data", "[2]", "--fail-if", "D:p99>1s");
  assert.deepEqual(own.methods.map(({ data }) => data), ["[1]", "[2]"]);
});

Deno.test("a transport must match the address, and defaults to that of the address", async () => {
  const of = async (...args: string[]) => (await settings({}, ...args)).transport;
  assert.equal(await of("--server", "unix:/a.sock"), "unix");
  assert.equal(await of("--server", "unix-abstract:a"), "unix");
  assert.equal(await of("--server", "vsock:3:1"), "vsock");
  assert.equal(await of("--server", "hvsock:/a.sock:1"), "hvsock");
  assert.equal(await of("--server", "dns:///localhost:1"), "tcp");
  assert.equal(await of("--tls", "on"), "tls");
  assert.equal(await of("--transport", "tls"), "tls");
  assert.equal((await settings({}, "--transport", "tls")).tls, true);
  assert.deepEqual((await settings({}, "--tls-insecure", "on")).tls, { insecure: true });
  const wrong: [string[], RegExp][] = [
    [
      ["--transport", "unix"],
      /^UsageError: Transport unix does not match the address 127.0.0.1:50051/,
    ],
    [["--transport", "tcp", "--server", "vsock:3:1"], /match the address vsock:3:1: use vsock$/],
    [["--transport", "tcp", "--tls-insecure", "on"], /use --transport tls$/],
    [["--server", "127.0.0.1:99999"], /has the port 99999, limit is 65535/],
    [["--server", "memory:x"], /only works within one process/],
  ];
  for (const [args, message] of wrong) await assert.rejects(settings({}, ...args), message);
});

Deno.test("presets are defaults that flags and variables override", async () => {
  const heavy = await settings({}, "--preset", "heavy");
  assert.equal(heavy.flags.connections, 100);
  assert.equal(heavy.plan.durationMs, 15_000);
  assert.equal(heavy.plan.requests, undefined);
  assert.equal(heavy.server, undefined, "it starts its own server");
  const changed = await settings({ CONNECTIONS: "5" }, "--preset", "heavy", "--duration", "1s");
  assert.equal(changed.flags.connections, 5);
  assert.equal(changed.plan.durationMs, 1000);
  const given = await settings({ SERVER_ADDR: "127.0.0.1:9" }, "--preset", "heavy");
  assert.equal(given.server, "127.0.0.1:9");
  assert.equal((await settings({}, "--preset", "latency")).plan.mode, "open");
  assert.equal((await settings({}, "--preset", "throughput")).streams, 50);
  assert.equal((await settings({}, "--preset", "vsock")).transport, "vsock");
  for (const [name, seconds, connections] of [["light", 5, 10], ["medium", 10, 50]] as const) {
    const preset = await settings({}, "--preset", name);
    assert.deepEqual([preset.plan.durationMs, preset.flags.connections], [
      seconds * 1000,
      connections,
    ]);
  }
});

Deno.test("the report's format defaults to that of the file extension", async () => {
  const of = async (...args: string[]) => (await settings({}, ...args)).output;
  assert.equal(await of(), "text");
  assert.equal(await of("--out", "a.html"), "html");
  assert.equal(await of("--out", "a.json"), "json");
  assert.equal(await of("--out", "a.log"), "text");
  assert.equal(await of("--out", "a.html", "--output", "csv"), "csv");
});

Deno.test("options that depend on each other are checked", async () => {
  const wrong: [string[], RegExp][] = [
    [["--data", "{}"], /--data needs --method/],
    [["--data-file", "a.csv"], /--data-file needs --method/],
    [["--stages", "1s@1", "--rate", "5"], /--stages and --rate exclude each other/],
    [["--stages", "1s@1", "--shape", "ramp"], /--stages and --shape exclude each other/],
    [["--stages", "1s@1", "--duration", "5"], /--stages and --duration exclude each other/],
    [["--shape", "ramp", "--duration", "5"], /--shape needs --rate, its highest rate/],
    [["--shape", "ramp", "--rate", "5"], /--shape needs --duration/],
    [["--method", "a.B/C=0"], /a\.B\/C=0 has no valid weight/],
    [["--method", "a.B/C", "--data", "{}", "--data", "{}"], /given 2 times for 1 methods/],
    [["--find-limit", "p99<5"], /a latency needs a unit/],
    [["--find-limit", "p99<5ms", "--mode", "closed"], /--find-limit needs an open loop/],
    [["--find-limit", "p99<5ms", "--stages", "1s@1"], /--find-limit and --stages exclude/],
    [["--rounds", "auto"], /--rounds auto needs --against/],
    [["--rounds", "5", "--find-limit", "p99<5ms"], /--find-limit has no rounds/],
    [["--rounds", "5", "--service", "both"], /Rounds need one service/],
    [["--against", "a:1", "--compare", "a.json"], /--against and --compare exclude/],
    [["--otlp-endpoint", "here"], /--otlp-endpoint here: it must be a URL/],
    [["--tag", "a"], /Cannot use tag a: use the form key=value/],
    [["--fail-if", "C:p99>5ms"], /Unknown stage or method "C"/],
    [["--proto", "a.proto"], /--proto needs --method/],
    [["--tls-cert", "a"], /--tls-cert needs --tls-key/],
    [["--fail-if", "p99>5"], /a latency needs a unit/],
    [
      ["--tls-ca", "/no/such.pem"],
      /Cannot read \/no\/such.pem \(--tls-ca\): no such file/,
    ],
  ];
  for (const [args, message] of wrong) {
    await assert.rejects(settings({}, ...args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("algorithmFor() chooses an algorithm of the key", () => {
  assert.equal(algorithmFor({ cryptoKey: "rsa-2048" }), Algorithm.RSA_PKCS1_SHA256);
  assert.equal(algorithmFor({ cryptoKey: "ecdsa-p256" }), Algorithm.ECDSA_SHA256);
  assert.equal(algorithmFor({ cryptoKey: "ecdsa-p384" }), Algorithm.ECDSA_SHA384);
  const pss = { cryptoKey: "rsa-2048", cryptoAlgorithm: "rsa-pss-sha256" };
  assert.equal(algorithmFor(pss), Algorithm.RSA_PSS_SHA256);
  assert.throws(
    () => algorithmFor({ ...pss, cryptoKey: "ecdsa-p256" }),
    /does not match the key ecdsa-p256: use ecdsa-sha256$/,
  );
});
