import assert from "node:assert/strict";
import type { FileRegistry } from "@bufbuild/protobuf";
import { bindMethods } from "../../../src/gateway/transcoding/bound_methods.ts";
import type { HttpBinding } from "../../../src/gateway/transcoding/binding.ts";
import { typesOfSet } from "../../../src/schema/types.ts";
import { type Backend, startBackend } from "./backend.ts";
import { type Door, startEnvoy, startGrpcGateway, startOwn } from "./doors.ts";
import { type Answer, answerOf } from "./answers.ts";
import { EDGE_CASES } from "./edge_cases.ts";
import { type Difference, DIFFERENCES, isExplained } from "./differences.ts";
import { casesOf } from "./requests.ts";
import { cachedTools, PROTOS } from "./tools.ts";

const tools = cachedTools();
const why = tools.descriptors === undefined || (tools.envoy ?? tools.grpcGateway) === undefined
  ? " (skipped: run deno task test:transcoding once)"
  : "";

const complete = tools.envoy !== undefined && tools.grpcGateway !== undefined;
const whyNotAll = why !== "" || complete ? why : " (skipped: one of the two can't be had)";

/** Requests of each binding. */
const REQUESTS = 3;

interface Setting {
  readonly registry: FileRegistry;
  readonly services: readonly string[];
  readonly bindings: readonly HttpBinding[];
}

async function setting(): Promise<Setting> {
  const limits = { maxElements: 1_000_000 };
  const { registry } = typesOfSet(await Deno.readFile(tools.descriptors!), limits);
  const services = [...registry.files].filter(({ proto }) =>
    PROTOS.some((name) => name === proto.name)
  ).flatMap((file) => file.services.map(({ typeName }) => typeName)).sort();
  const methods = services.flatMap((name) => registry.getService(name)!.methods)
    .map((desc) => ({ path: `/${desc.parent.typeName}/${desc.name}`, desc, registry }))
    .sort((a, b) => a.path < b.path ? -1 : 1);
  const { bindings } = bindMethods(methods, 10_000).table;
  return { registry, services, bindings };
}

async function withDoors(
  use: (doors: readonly Door[], backend: Backend, setting: Setting) => Promise<void>,
): Promise<void> {
  const made = await setting();
  const { registry, services } = made;
  await using backend = await startBackend(registry, services);
  await using own = await startOwn(registry, services, backend.address);
  await using envoy = tools.envoy === undefined
    ? undefined
    : await startEnvoy(tools.envoy, tools.envoyDescriptors!, services, backend.address);
  await using other = tools.grpcGateway === undefined
    ? undefined
    : await startGrpcGateway(tools.grpcGateway, backend.address);
  await use([own, envoy, other].filter((door) => door !== undefined), backend, made);
}

Deno.test({
  name: `valid requests have the same status, JSON and call through Envoy and grpc-gateway${why}`,
  ignore: why !== "",
  async fn() {
    await withDoors(async (doors, backend, { bindings }) => {
      let compared = 0;
      const differences: string[] = [];
      for (const [seed, binding] of bindings.entries()) {
        for (const one of casesOf(binding, REQUESTS, seed)) {
          const [own, ...others] = await answers(doors, backend, one, one.replies);
          assert.equal(own.status, 200, `${one.title}: ${own.text}`);
          compared++;
          for (const [i, other] of others.entries()) {
            if (isExplained(doors[i + 1].name, binding)) continue;
            const found = difference(own, other);
            if (found !== undefined) {
              differences.push(`${doors[i + 1].name}: ${one.title}, ${one.target}: ${found}`);
            }
          }
        }
      }
      assert.ok(compared >= 200, `${compared} requests`);
      assert.deepEqual(differences, []);
    });
  },
});

Deno.test({
  name:
    `requests at the edges have the same status, but for the differences that are listed${whyNotAll}`,
  ignore: whyNotAll !== "",
  async fn() {
    await withDoors(async (doors, backend) => {
      const found: Omit<Difference, "why">[] = [];
      for (const one of EDGE_CASES) {
        const all = await answers(doors, backend, one, [{}], one.failure);
        const shown = all.map((answer) => shownAnswer(answer));
        const [own, envoy, grpcGateway] = shown;
        if (shown.some((text) => text !== own)) {
          found.push({ title: one.title, own, envoy, grpcGateway });
        }
      }
      const listed = DIFFERENCES.map(({ why: _, ...difference }) => difference);
      assert.deepEqual(found, listed);
    });
  },
});

function shownAnswer({ status, call }: Answer): string {
  return status === 200 ? `200 ${JSON.stringify(call?.request)}` : String(status);
}

Deno.test("docs/conformance.md lists every difference", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/conformance.md", import.meta.url));
  for (const { title } of DIFFERENCES) assert.ok(page.includes(`| ${title} |`), title);
});

/** Returns how two answers differ; undefined when they are the same. */
function difference(own: Answer, other: Answer): string | undefined {
  for (const part of ["status", "call", "json"] as const) {
    try {
      assert.deepEqual(other[part], own[part]);
    } catch {
      return `${part} ${JSON.stringify(other[part])} instead of ${JSON.stringify(own[part])}`;
    }
  }
  return undefined;
}

async function answers(
  doors: readonly Door[],
  backend: Backend,
  request: Parameters<typeof answerOf>[1],
  replies: Backend["plan"]["replies"],
  failure?: Backend["plan"]["failure"],
): Promise<Answer[]> {
  const all: Answer[] = [];
  for (const door of doors) {
    backend.plan = { replies, failure };
    backend.last = undefined;
    all.push(await answerOf(door, request, () => backend.last));
  }
  return all;
}
