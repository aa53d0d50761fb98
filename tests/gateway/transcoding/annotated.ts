/**
 * A service with annotations of HTTP, and a gateway in front of it.
 *
 * @module
 */

import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProtoSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { protobufCodec } from "../../../src/codec/protobuf.ts";
import { protobufJsonCodec } from "../../../src/codec/proto_json.ts";
import type { Channel, Router } from "../../../mod.ts";
import { Gateway, type GatewayOptions } from "../../../src/gateway/mod.ts";
import type { HttpRule } from "../../../src/gateway/transcoding/http_rule.ts";
import { typesOf } from "../../../src/schema/types.ts";
import { testServer } from "../../../src/testing/mod.ts";
import { file, message, REPEATED, scalar, typed } from "../../schema/descriptors.ts";

/** Rule in few words, with the names of google/api/http.proto. */
export interface Rule {
  get?: string;
  put?: string;
  post?: string;
  delete?: string;
  patch?: string;
  custom?: { kind: string; path: string };
  body?: string;
  response_body?: string;
  additional_bindings?: readonly Rule[];
}

const PATTERNS = { get: 2, put: 3, post: 4, delete: 5, patch: 6 } as const;

/** Encodes a google.api.HttpRule. */
export function encodeRule(rule: Rule): Uint8Array {
  const writer = new BinaryWriter();
  const text = (number: number, value: string | undefined) => {
    if (value !== undefined) writer.tag(number, WireType.LengthDelimited).string(value);
  };
  for (const [name, number] of Object.entries(PATTERNS)) {
    text(number, rule[name as keyof typeof PATTERNS]);
  }
  text(7, rule.body);
  text(12, rule.response_body);
  if (rule.custom !== undefined) {
    const { kind, path } = rule.custom;
    writer.tag(8, WireType.LengthDelimited).fork();
    text(1, kind);
    text(2, path);
    writer.join();
  }
  for (const one of rule.additional_bindings ?? []) {
    writer.tag(11, WireType.LengthDelimited).bytes(encodeRule(one));
  }
  return writer.finish();
}

/** Options of a method with the extension google.api.http, once for each rule. */
export function httpOptions(...rules: readonly Rule[]) {
  const $unknown = rules.map((rule) => ({
    no: 72_295_728,
    wireType: WireType.LengthDelimited,
    data: new BinaryWriter().bytes(encodeRule(rule)).finish(),
  }));
  const options = create(MethodOptionsSchema);
  options.$unknown = $unknown;
  return options;
}

/** Rule as it is read. */
export function read(rule: Partial<HttpRule>): HttpRule {
  return { httpMethod: "", path: "", body: "", responseBody: "", ...rule };
}

type Method = MessageInitShape<typeof MethodDescriptorProtoSchema>;

/** Method of `t.Api` with a rule. */
export function method(
  name: string,
  input: string,
  output: string,
  rule?: Rule,
  more: Method = {},
): Method {
  const options = rule && httpOptions(rule);
  return { name, inputType: input, outputType: output, ...(options && { options }), ...more };
}

export const HTTP_BODY = file("google/api/httpbody.proto", {
  package: "google.api",
  messageType: [
    message("HttpBody", [
      scalar("content_type", 1, "string"),
      scalar("data", 2, "bytes"),
    ]),
  ],
});

const WKT = ".google.protobuf.";
const BOOK = message("Book", [
  scalar("name", 1, "string"),
  scalar("page_count", 2, "int64"),
  typed("author", 3, ".t.Author"),
  scalar("tags", 4, "string", { label: REPEATED }),
  typed("kind", 5, ".t.Kind"),
]);
const ALL = message("All", [
  scalar("text", 1, "string"),
  scalar("number", 2, "int32"),
  scalar("big", 3, "int64"),
  scalar("ratio", 4, "double"),
  scalar("flag", 5, "bool"),
  scalar("raw", 6, "bytes"),
  typed("kind", 7, ".t.Kind"),
  scalar("numbers", 8, "int32", { label: REPEATED }),
  typed("kinds", 9, ".t.Kind", { label: REPEATED }),
  typed("time", 10, `${WKT}Timestamp`),
  typed("times", 11, `${WKT}Timestamp`, { label: REPEATED }),
  typed("span", 12, `${WKT}Duration`),
  typed("mask", 13, `${WKT}FieldMask`),
  typed("wrapped", 14, `${WKT}Int64Value`),
  typed("wrapped_text", 15, `${WKT}StringValue`),
  typed("book", 16, ".t.Book"),
  typed("books", 17, ".t.Book", { label: REPEATED }),
  typed("self", 18, ".t.All"),
  typed("struct", 19, `${WKT}Struct`),
  scalar("left", 20, "string", { oneofIndex: 0 }),
  scalar("right", 21, "string", { oneofIndex: 0 }),
  scalar("small", 22, "float"),
  typed("labels", 23, ".t.All.LabelsEntry", { label: REPEATED }),
], {
  oneofDecl: [{ name: "side" }],
  nestedType: [
    message("LabelsEntry", [scalar("key", 1, "string"), scalar("value", 2, "int64")], {
      options: { mapEntry: true },
    }),
  ],
});

/** File of the service `t.Api` with these methods. */
export function apiFile(methods: readonly Method[]): FileDescriptorProto {
  return file("api.proto", {
    dependency: [
      ...["timestamp", "duration", "field_mask", "wrappers", "struct", "empty"].map((name) =>
        `google/protobuf/${name}.proto`
      ),
      "google/api/httpbody.proto",
    ],
    messageType: [
      BOOK,
      ALL,
      message("Author", [scalar("name", 1, "string"), scalar("born", 2, "int32")]),
      message("Upload", [
        scalar("name", 1, "string"),
        typed("file", 2, ".google.api.HttpBody"),
      ]),
    ],
    enumType: [{
      name: "Kind",
      value: [{ name: "KIND_NONE", number: 0 }, { name: "NOVEL", number: 1 }],
    }],
    service: [{ name: "Api", method: [...methods] }],
  });
}

/** What the service received and answers. */
export interface Api {
  readonly gateway: Gateway;
  readonly channel: Channel;
  /** Method and message of the last call, in ProtoJSON; the list of them when it takes a stream. */
  last: { method: string; request: unknown } | undefined;
  /** Asks the gateway. */
  fetch(target: string, init?: RequestInit): Promise<Response>;
}

/**
 * Runs `use` with a gateway to a service of these methods, whose replies are `replies` in ProtoJSON; default: the request,
 * of a stream the last one. Bidirectional methods answer each request with itself, then with `replies`.
 */
export async function withApi(
  methods: readonly Method[],
  use: (api: Api) => Promise<void>,
  replies: Readonly<Record<string, readonly unknown[]>> = {},
  options: GatewayOptions = {},
): Promise<void> {
  const file = apiFile(methods);
  const { registry } = typesOf([clone(FileDescriptorProtoSchema, HTTP_BODY), file]);
  const service = registry.getService("t.Api")!;
  const api: { last: Api["last"] } = { last: undefined };
  const configure = (router: Router) => {
    for (const { name, input, output, methodKind } of service.methods) {
      const path = `/t.Api/${name}`;
      const replyOf = (json: unknown) =>
        protobufCodec(output).encode(
          protobufJsonCodec(output, { registry }).decode(JSON.stringify(json)),
        );
      const jsonOf = (request: Uint8Array) => {
        const message = protobufCodec(input).decode(request);
        const json = protobufJsonCodec(input, { registry }).encode(message);
        return JSON.parse(new TextDecoder().decode(json));
      };
      const take = (request: Uint8Array) => {
        api.last = { method: name, request: jsonOf(request) };
      };
      const takeNext = (all: unknown[], request: Uint8Array) => {
        all.push(jsonOf(request));
        api.last = { method: name, request: all };
      };
      if (methodKind === "client_streaming") {
        router.method(path, { kind: "client_streaming" }, async (requests) => {
          const all: unknown[] = [];
          api.last = { method: name, request: all };
          for await (const request of requests) takeNext(all, request);
          const reply = replies[name]?.[0];
          if (reply instanceof Error) throw reply;
          return replyOf(reply ?? all.at(-1) ?? {});
        });
      } else if (methodKind === "bidi_streaming") {
        router.method(path, { kind: "bidi_streaming" }, async function* (requests) {
          const all: unknown[] = [];
          api.last = { method: name, request: all };
          for await (const request of requests) {
            takeNext(all, request);
            yield request;
          }
          for (const reply of replies[name] ?? []) {
            if (reply instanceof Error) throw reply;
            yield replyOf(reply);
          }
        });
      } else if (methodKind === "server_streaming") {
        router.method(path, { kind: "server_streaming" }, async function* (request) {
          take(request);
          for (const reply of replies[name] ?? []) {
            if (reply instanceof Error) throw reply;
            yield await Promise.resolve(replyOf(reply));
          }
        });
      } else {
        router.method(path, {}, (request) => {
          take(request);
          const reply = replies[name]?.[0];
          if (reply instanceof Error) throw reply;
          return reply === undefined ? request : replyOf(reply);
        });
      }
    }
  };
  await using running = await testServer(configure);
  const gateway = new Gateway(running.channel, { services: [service], ...options });
  await use(Object.assign(api, {
    gateway,
    channel: running.channel,
    fetch: (target: string, init: RequestInit = {}) => {
      const url = `http://localhost${target}`;
      const path = target.split("?")[0];
      return gateway.handle(new Request(url, init), path);
    },
  }));
}
