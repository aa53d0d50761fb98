/**
 * Text form of messages: JSON where the types are known, else text or bytes.
 *
 * @module
 */

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { printableLines } from "../../src/call/printable.ts";
import { bytesCodec, type Codec, type MethodInfo, protobufCodec } from "../../mod.ts";
import { jsonCodecOf } from "../../src/protobuf/mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { JsonValues } from "./json_values.ts";
import type { FoundMethod } from "./lookup.ts";

/** Text form of the messages of one method. */
export interface MessageText {
  /** Argument of `channel.method`. */
  readonly info: MethodInfo;
  /** Parses a message. Throws {@link UsageError} for invalid JSON. */
  parse(given: Uint8Array): unknown;
  /** Formats a message for standard output. */
  print(message: unknown): Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How messages are printed. */
export interface PrintOptions {
  /** Whether replies of bytes are printed without line breaks. */
  readonly raw: boolean;
  /** Whether fields without presence are printed with their zero value, too. */
  readonly emitDefaults: boolean;
}

/** Creates the text form. */
export function messageText(
  method: FoundMethod,
  { raw, emitDefaults }: PrintOptions,
): MessageText {
  const { path, kind, types } = method;
  if (types === undefined) {
    return {
      info: { path, kind, requestCodec: bytesCodec, responseCodec: bytesCodec },
      parse: (given) => given,
      print: (message) => raw ? message as Uint8Array : line(shown(message as Uint8Array)),
    };
  }
  const { input, output, registry } = types;
  const request = jsonCodecOf(input, { registry });
  const response = jsonCodecOf(output, { registry, alwaysEmitImplicit: emitDefaults });
  return {
    info: {
      path,
      kind,
      requestCodec: codec(input),
      responseCodec: codec(output),
    },
    parse(given) {
      const text = decoder.decode(given).trim();
      try {
        return request.decode(text === "" ? "{}" : text);
      } catch (error) {
        throw new UsageError(`Not a valid ${input.typeName} message: ${(error as Error).message}`);
      }
    },
    print: (message) => line(response.encode(message as Message)),
  };
}

function codec(descriptor: DescMessage): Codec<unknown> {
  return protobufCodec(descriptor) as Codec<unknown>;
}

/** A terminal gets printable text; files and pipes get the bytes. */
function shown(bytes: Uint8Array): Uint8Array {
  if (!Deno.stdout.isTerminal()) return bytes;
  return encoder.encode(printableLines(decoder.decode(bytes)));
}

function line(bytes: Uint8Array): Uint8Array {
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  ended[bytes.length] = 0x0a;
  return ended;
}

/** Where the requests of a call come from. */
export interface RequestSource {
  /** Reads the only message. */
  one(): Promise<Uint8Array>;
  /** Reads the messages of a stream: JSON values, or bytes. */
  many(asJson: boolean): AsyncIterable<Uint8Array>;
}

/** Source of the argument `DATA` of the command line. */
export function argumentSource(data: string | undefined): RequestSource {
  return { one: () => oneMessage(data), many: (asJson) => manyMessages(data, asJson) };
}

/** Reads the only message of a call: `DATA`, `@FILE`, or standard input (`-`, or without `DATA` unless a terminal). */
async function oneMessage(data: string | undefined): Promise<Uint8Array> {
  if (data === undefined && Deno.stdin.isTerminal()) return new Uint8Array();
  if (data === undefined || data === "-") {
    return new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  }
  if (!data.startsWith("@")) return encoder.encode(data);
  try {
    return await Deno.readFile(data.slice(1));
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : errorLine(error);
    throw new UsageError(`Cannot read ${data.slice(1)}: ${reason}`);
  }
}

/**
 * Reads the messages of a stream: with `asJson` the JSON values of `DATA`, `@FILE` or standard input, which may stand on
 * one line each or take several; else `DATA` or `@FILE` as a single message, or the lines of standard input.
 */
async function* manyMessages(
  data: string | undefined,
  asJson: boolean,
): AsyncGenerator<Uint8Array> {
  if (data !== undefined && data !== "-") {
    const all = await oneMessage(data);
    if (!asJson || all.length === 0) return yield all;
    yield* encoded(jsonOf([decoder.decode(all)]));
    return;
  }
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  yield* encoded(asJson ? jsonOf(text) : linesOf(text));
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield encoder.encode(text);
}

async function* jsonOf(
  texts: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  const values = new JsonValues();
  for await (const text of texts) yield* values.push(text);
  const last = values.end();
  if (last !== undefined) yield last;
}

/** Splits text into its lines as it arrives. */
export async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
