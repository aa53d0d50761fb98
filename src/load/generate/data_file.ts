/**
 * Reads the rows or requests of a data file: CSV, JSON lines, or encoded messages.
 *
 * @module
 */

import { parse } from "csv-parse/sync";
import { fromBinary, ScalarType } from "@bufbuild/protobuf";
import { textOf } from "../../errors.ts";
import { type FoundMethod, requestEncoder } from "./method_source.ts";
import type { Row } from "./request_template.ts";

/** Format of a data file. */
export type DataFormat = "csv" | "json" | "jsonl" | "binary";

const BY_ENDING: Record<string, DataFormat> = {
  csv: "csv",
  json: "json",
  jsonl: "jsonl",
  ndjson: "jsonl",
  bin: "binary",
  binpb: "binary",
  pb: "binary",
};

/** Returns the format by the ending of a file's name; undefined for an unknown one. */
export function dataFormat(path: string): DataFormat | undefined {
  const ending = path.split(".").at(-1)!.toLowerCase();
  return Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : undefined;
}

/**
 * Returns the rows of a data file, for the columns of a template. Of CSV the first line has the names. Of JSON the members
 * of each object are columns. Throws TypeError, with the line, for what can't be read.
 */
export function rowsOf(bytes: Uint8Array, format: DataFormat): Row[] {
  switch (format) {
    case "csv":
      return csvRows(bytes);
    case "json":
    case "jsonl":
      return jsonValues(bytes, format).map(({ value, place }) => rowOfJson(value, place));
    case "binary":
      throw new TypeError("a file of encoded messages has no columns");
  }
}

/**
 * Returns the encoded requests of a data file without a template. Each row of CSV is a request, whose fields the first line
 * names; an empty cell leaves its field out. Each value of JSON lines is a request, or a list of them for one call with a
 * stream; of JSON, each item of the list. A binary file has messages, each behind its length as a varint. Throws TypeError, with the place of a mistake.
 */
export function requestsOf(
  bytes: Uint8Array,
  format: DataFormat,
  method: FoundMethod,
): Uint8Array[][] {
  if (format === "binary") return delimited(bytes, method);
  const encode = requestEncoder(method);
  const at = (where: string, json: string) => {
    try {
      return encode(json);
    } catch (error) {
      throw new TypeError(`${where}: ${textOf(error)}`, { cause: error });
    }
  };
  if (format === "csv") {
    return csvRows(bytes).map((row, i) => at(`row ${i + 1}`, jsonOfRow(row, method)));
  }
  return jsonValues(bytes, format).map(({ json, place }) => at(place, json));
}

function csvRows(bytes: Uint8Array): Row[] {
  try {
    const rows = parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), {
      bom: true,
      columns: true,
      skip_empty_lines: true,
    });
    if (rows.length === 0) throw new TypeError("it has no rows");
    return rows as Row[];
  } catch (error) {
    throw new TypeError(`not valid CSV: ${textOf(error)}`, { cause: error });
  }
}

interface PlacedValue {
  readonly value: unknown;
  readonly json: string;
  readonly place: string;
}

/** Reads one JSON value per line, or the items of a list. */
function jsonValues(bytes: Uint8Array, format: "json" | "jsonl"): PlacedValue[] {
  const text = new TextDecoder().decode(bytes);
  const values = format === "json" ? itemsOfList(text) : lines(text);
  if (values.length === 0) throw new TypeError("it has no values");
  return values;
}

function itemsOfList(text: string): PlacedValue[] {
  const list = parsed(text, "the file");
  if (!Array.isArray(list)) throw new TypeError("it is not a JSON list");
  return list.map((value, i) => ({
    value,
    json: JSON.stringify(value),
    place: `item ${i + 1}`,
  }));
}

function lines(text: string): PlacedValue[] {
  return text.split(/\r?\n/).flatMap((json, i) => {
    const place = `line ${i + 1}`;
    return json.trim() === "" ? [] : [{ value: parsed(json, place), json, place }];
  });
}

function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError(`${place} is not valid JSON: ${textOf(error)}`, { cause: error });
  }
}

function rowOfJson(value: unknown, place: string): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${place} is not a JSON object`);
  }
  const text = (one: unknown) => typeof one === "string" ? one : JSON.stringify(one);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, text(one)]));
}

function jsonOfRow(row: Row, { input }: FoundMethod): string {
  const members = Object.entries(row).filter(([, cell]) => cell !== "").map(([name, cell]) => {
    const field = input.fields.find((one) => one.name === name || one.jsonName === name);
    // Numbers and enumerations may be strings in ProtoJSON, so that no digit of them is lost.
    const isText = field === undefined || field.fieldKind === "enum" ||
      (field.fieldKind === "scalar" && field.scalar !== ScalarType.BOOL);
    return `${JSON.stringify(name)}:${isText ? JSON.stringify(cell) : cell}`;
  });
  return `{${members.join(",")}}`;
}

function delimited(bytes: Uint8Array, { input }: FoundMethod): Uint8Array[][] {
  const messages: Uint8Array[][] = [];
  for (let at = 0; at < bytes.length;) {
    const number = messages.length + 1;
    let length = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 2 ** 28) {
        throw new TypeError(`message ${number}: its length is not a varint`);
      }
      length += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) break;
    }
    const message = bytes.slice(at, at + length);
    if (message.length < length) throw new TypeError(`message ${number} is cut off`);
    check(message, number, input);
    messages.push([message]);
    at += length;
  }
  if (messages.length === 0) throw new TypeError("it has no messages");
  return messages;
}

function check(message: Uint8Array, number: number, input: FoundMethod["input"]): void {
  try {
    fromBinary(input, message);
  } catch (error) {
    throw new TypeError(`message ${number} is no ${input.typeName}: ${textOf(error)}`, {
      cause: error,
    });
  }
}
