/**
 * The control plane of the comparison, and the Go program that it is part of.
 *
 * @module
 */

import { join } from "node:path";
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { cacheFolder } from "../../../scripts/cache_folder.ts";
import type { ResourceKind } from "../../../src/xds/resources/kinds.ts";
import { registry } from "../../xds/messages.ts";

const HERE = import.meta.dirname!;

/** Resources by kind. */
export type Snapshot = Partial<Record<ResourceKind, readonly Any[]>>;

/** Builds the Go program; undefined where there is no Go. */
export async function buildGo(): Promise<string | undefined> {
  const program = join(cacheFolder("xds"), "xds");
  const args = ["build", "-o", program, "."];
  try {
    const { code, stderr } = await new Deno.Command("go", { args, cwd: join(HERE, "go") }).output();
    if (code !== 0) throw new Error(`go build: ${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return program;
}

/** A control plane on this machine. */
export class Plane implements AsyncDisposable {
  readonly #program: string;
  #child!: Deno.ChildProcess;
  #writer!: WritableStreamDefaultWriter<Uint8Array>;
  #snapshot: Snapshot = {};
  address = "127.0.0.1:0";
  /** Details of the responses that clients have refused. */
  readonly refusals: string[] = [];

  /** Runs the program that `buildGo` has built. */
  constructor(program: string) {
    this.#program = program;
  }

  /** Starts, on the same port as before. */
  async start(): Promise<this> {
    this.#child = new Deno.Command(this.#program, {
      args: ["plane", this.address],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    const address = Promise.withResolvers<string>();
    this.#read(address.resolve).catch(address.reject);
    this.address = await address.promise;
    if (Object.keys(this.#snapshot).length > 0) await this.set(this.#snapshot);
    return this;
  }

  async #read(onAddress: (address: string) => void): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { address, refused } = JSON.parse(line);
        if (address !== undefined) onAddress(address);
        if (refused !== undefined) this.refusals.push(refused);
      }
    }
  }

  /** Replaces the resources of the given kinds. */
  async set(snapshot: Snapshot): Promise<void> {
    this.#snapshot = { ...this.#snapshot, ...snapshot };
    const json: Record<string, JsonValue[]> = {};
    for (const [kind, list] of Object.entries(this.#snapshot)) {
      json[kind] = list.map((any) => toJson(AnySchema, any, { registry }) as JsonValue);
    }
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(json)}\n`));
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }

  /** The bootstrap of a client of this control plane. */
  bootstrap(json: Record<string, JsonValue> = {}): string {
    return JSON.stringify({
      xds_servers: [{
        server_uri: this.address,
        channel_creds: [{ type: "insecure" }],
        server_features: ["xds_v3"],
      }],
      node: { id: "client", locality: { region: "r", zone: "z" } },
      ...json,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
