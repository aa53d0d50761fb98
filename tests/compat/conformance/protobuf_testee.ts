// The program that protobuf's conformance_test_runner tests: protobuf_testee.ts TYPES [vrpc | protobuf-es]
//
// TYPES is a descriptor set with conformance.proto and the test messages. The second argument is the codec under test;
// default vrpc. Frames on standard input and output: length (4 bytes, little-endian), then a ConformanceRequest, or a
// ConformanceResponse.

import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readSync, writeSync } from "node:fs";
import { codecOf } from "../../../src/protobuf/codec.ts";
import { jsonCodecOf } from "../../../src/protobuf/json/codec.ts";

/** What a testee does with a message. */
interface Testee {
  parseBinary(type: DescMessage, bytes: Uint8Array): Message;
  parseJson(type: DescMessage, text: string, ignoreUnknownFields: boolean): Message;
  printBinary(type: DescMessage, message: Message): Uint8Array;
  printJson(type: DescMessage, message: Message): string;
}

const [typesPath, codecName = "vrpc"] = Deno.args;
const registry: FileRegistry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, Deno.readFileSync(typesPath)),
);

const PROTOBUF_ES: Testee = {
  parseBinary: (type, bytes) => fromBinary(type, bytes),
  parseJson: (type, text, ignoreUnknownFields) =>
    fromJson(type, JSON.parse(text), { registry, ignoreUnknownFields }),
  printBinary: (type, message) => toBinary(type, message),
  printJson: (type, message) => toJsonString(type, message, { registry }),
};

const VRPC: Testee = {
  parseBinary: (type, bytes) => codecOf(type).decode(bytes),
  parseJson: (type, text, ignoreUnknownFields) =>
    jsonCodecOf(type, { registry, ignoreUnknownFields }).decode(text),
  printBinary: (type, message) => codecOf(type).encode(message),
  printJson: (type, message) =>
    new TextDecoder().decode(jsonCodecOf(type, { registry }).encode(message)),
};

const testee = { vrpc: VRPC, "protobuf-es": PROTOBUF_ES }[codecName];
if (testee === undefined) throw new TypeError(`Unknown codec "${codecName}"`);

function messageType(name: string): DescMessage {
  const type = registry.getMessage(name);
  if (type === undefined) throw new Error(`${typesPath} has no message ${name}`);
  return type;
}

/** A result field of ConformanceResponse with its value. */
interface Result {
  case: string;
  value: string | Uint8Array;
}

const REQUEST = codecOf(messageType("conformance.ConformanceRequest"));
const RESPONSE = codecOf(messageType("conformance.ConformanceResponse"));
const WireFormat = { PROTOBUF: 1, JSON: 2 } as const;
const JSON_IGNORE_UNKNOWN_PARSING_TEST = 3;

interface Request {
  payload: { case: string | undefined; value: string | Uint8Array };
  requestedOutputFormat: number;
  messageType: string;
  testCategory: number;
}

function answer(request: Request): Result {
  // The first request asks for the list of known failures, of which there are none.
  if (request.messageType === "conformance.FailureSet") {
    return { case: "protobufPayload", value: new Uint8Array(0) };
  }
  const { payload } = request;
  const output = request.requestedOutputFormat;
  if (payload.case !== "protobufPayload" && payload.case !== "jsonPayload") {
    return { case: "skipped", value: `no ${payload.case}` };
  }
  if (output !== WireFormat.PROTOBUF && output !== WireFormat.JSON) {
    return { case: "skipped", value: `no output format ${output}` };
  }
  const type = messageType(request.messageType);
  let message: Message;
  try {
    message = payload.case === "protobufPayload"
      ? testee!.parseBinary(type, payload.value as Uint8Array)
      : testee!.parseJson(
        type,
        payload.value as string,
        request.testCategory === JSON_IGNORE_UNKNOWN_PARSING_TEST,
      );
  } catch (error) {
    return { case: "parseError", value: String(error) };
  }
  try {
    return output === WireFormat.PROTOBUF
      ? { case: "protobufPayload", value: testee!.printBinary(type, message) }
      : { case: "jsonPayload", value: testee!.printJson(type, message) };
  } catch (error) {
    return { case: "serializeError", value: String(error) };
  }
}

/** Reads `length` bytes from standard input; undefined at its end. */
function read(length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = readSync(0, bytes, at, length - at, null);
    if (count === 0) return undefined;
    at += count;
  }
  return bytes;
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}

for (let head = read(4); head !== undefined; head = read(4)) {
  const request = read(new DataView(head.buffer).getUint32(0, true));
  if (request === undefined) break;
  const result = answer(REQUEST.decode(request) as unknown as Request);
  const response = RESPONSE.encode({ result } as never);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, response.length, true);
  write(length);
  write(response);
}
