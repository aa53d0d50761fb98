/**
 * Requests of a benchmark, from `--data`, `--data-file` or `--payload`.
 *
 * @module
 */

import { dataFormat, requestsOf, rowsOf } from "../../src/load/generate/data_file.ts";
import {
  encodeRequests,
  type FoundMethod,
  requestWithPayload,
} from "../../src/load/generate/method_source.ts";
import { dataOfTemplate, type RequestData } from "../../src/load/generate/request_data.ts";
import { Random } from "../../src/load/mod.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";
import type { Flags } from "./options.ts";
import type { MethodOrder } from "./settings.ts";

/** The options for the requests of all methods. */
export type DataFlags = Pick<Flags, "dataOrder" | "payload" | "seed">;

/** Data in which all calls have the same request. */
export function oneRequest(messages: readonly Uint8Array[]): RequestData {
  return { encoded: [messages], order: "round-robin", seed: 0 };
}

/** Returns the payload of `--payload` bytes, the same for the same `--seed`. */
export function payloadOf({ seed, payload }: Pick<Flags, "seed" | "payload">): Uint8Array {
  return new Random(seed).bytes(payload);
}

/** Returns the requests of a method. Throws {@link UsageError} for data that does not match its type. */
export async function requestData(
  flags: DataFlags,
  { data, dataFile }: Pick<MethodOrder, "data" | "dataFile">,
  method: FoundMethod,
): Promise<RequestData> {
  const { dataOrder: order, seed } = flags;
  const choice = { order, seed };
  if (data === undefined) {
    if (dataFile === undefined) return oneRequest(defaultRequest(flags, method));
    const file = await readData(dataFile);
    return usage(`--data-file ${dataFile}`, () => {
      return { encoded: requestsOf(file.bytes, file.format, method), ...choice };
    });
  }
  const text = data.startsWith("@") ? await readTextOption("--data", data.slice(1)) : data;
  const file = dataFile === undefined ? undefined : await readData(dataFile);
  const rows = file &&
    usage(`--data-file ${dataFile}`, () => rowsOf(file.bytes, file.format));
  return usage("--data", () => dataOfTemplate(method, text, rows, choice));
}

/** A type without a field for the payload gets an empty request. */
function defaultRequest(flags: DataFlags, method: FoundMethod): Uint8Array[] {
  try {
    return [requestWithPayload(method, payloadOf(flags))];
  } catch {
    return encodeRequests(method, "{}");
  }
}

async function readData(path: string) {
  const format = dataFormat(path);
  if (format === undefined) {
    throw new UsageError(
      `Cannot use --data-file ${path}: its name must end in .csv, .json, .jsonl, .ndjson, .bin, ` +
        ".binpb or .pb",
    );
  }
  try {
    return { format, bytes: await Deno.readFile(path) };
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : errorLine(error);
    throw new UsageError(`Cannot read ${path} (--data-file): ${reason}`);
  }
}

function usage<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new UsageError(`Cannot use ${what}: ${errorLine(error)}`);
  }
}
