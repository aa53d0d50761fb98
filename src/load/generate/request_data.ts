/**
 * Requests of a run: the same for all calls, chosen from many, or made from a template for each call. What is posted to
 * workers is plain data.
 *
 * @module
 */

import { type FoundMethod, methodFromSet, requestEncoder, setOfMethod } from "./method_source.ts";
import { Random } from "./random.ts";
import { parseTemplate, type Row } from "./request_template.ts";
import { type CallNumber, requestNumber } from "./variables.ts";

/** How a row is chosen for each call: one after the other over all workers, or at random. */
export type DataOrder = "round-robin" | "random";

/** Template for the requests of each call. */
export interface TemplateData {
  /** Text. */
  readonly text: string;
  /** Rows with the values of columns; at least one, which may be empty. */
  readonly rows: readonly Row[];
  /** Path of the method. */
  readonly path: string;
  /** Types of the method, a `google.protobuf.FileDescriptorSet`. */
  readonly types: Uint8Array;
}

/** Requests to choose from. */
export interface RequestData {
  /** Encoded messages of each request, at least one; with a template those of each row for the first call. */
  readonly encoded: readonly (readonly Uint8Array[])[];
  /** How one is chosen. */
  readonly order: DataOrder;
  /** Seed of a random choice. */
  readonly seed: number;
  /** Template, when the requests differ from call to call. */
  readonly template?: TemplateData;
}

/** Returns the encoded messages of a call. */
export type RequestsOfCall = (call: CallNumber) => readonly Uint8Array[];

const FIRST: CallNumber = { sequence: 0, worker: 0, workers: 1 };

/**
 * Makes the requests of a template, with the values of `rows` for its columns. All of them are encoded once, so that a
 * mistake shows before the load. Throws TypeError for a mistake, with the number of the row.
 */
export function dataOfTemplate(
  method: FoundMethod,
  text: string,
  rows: readonly Row[] | undefined,
  choice: { readonly order: DataOrder; readonly seed: number },
): RequestData {
  const template = parseTemplate(text, [...new Set(rows?.flatMap(Object.keys) ?? [])]);
  const encode = requestEncoder(method);
  const used = rows !== undefined && template.hasColumns ? rows : [{}];
  const encoded = used.map((row, i) => {
    try {
      return encode(template.fill(FIRST, row));
    } catch (error) {
      if (used.length === 1) throw error;
      throw new TypeError(`row ${i + 1}: ${(error as Error).message}`, { cause: error });
    }
  });
  if (!template.changes) return { encoded, ...choice };
  const data = { text, rows: used, path: method.path, types: setOfMethod(method) };
  return { encoded, ...choice, template: data };
}

/** Creates the function that makes the requests of each call of one worker, in their order. */
export function requestsOfCall(data: RequestData, worker: number): RequestsOfCall {
  const { encoded, order, seed, template } = data;
  const random = new Random(seed, ROW_STREAM + worker);
  // Calls of other methods may come between, and would leave out rows.
  let turn = 0;
  const choose = order === "random"
    ? () => Math.floor(random.fraction() * encoded.length)
    : (call: CallNumber) => requestNumber({ ...call, sequence: turn++ }) % encoded.length;
  if (template === undefined) {
    const [only] = encoded;
    return encoded.length === 1 ? () => only : (call) => encoded[choose(call)];
  }
  const { text, rows, path, types } = template;
  const encode = requestEncoder(methodFromSet(types, path));
  const { fill } = parseTemplate(text, [...new Set(rows.flatMap(Object.keys))]);
  return (call) => encode(fill(call, rows[choose(call)]));
}

// Streams of random numbers below are those of payloads and arrival times.
const ROW_STREAM = 1 << 20;
