/**
 * A gRPC server of the compared services: it keeps what it receives and answers what it is told.
 *
 * @module
 */

import type { DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import { type Router, RpcError, serve, type Server, type Status } from "../../../mod.ts";
import { protobufCodec } from "../../../src/codec/protobuf.ts";
import { protobufJsonCodec } from "../../../src/codec/proto_json.ts";

/** What the backend does with the next call. */
export interface Plan {
  /** Replies in ProtoJSON: one, or any number for a stream. */
  replies: readonly unknown[];
  /** Status to fail with instead. */
  failure?: Status;
}

/** Backend of all doors. */
export interface Backend extends AsyncDisposable {
  readonly address: string;
  plan: Plan;
  /** Method and request of the last call, in ProtoJSON; the list of them when it takes a stream. */
  last: { readonly method: string; readonly request: unknown } | undefined;
}

/** Starts a backend with all services of `registry` that are named. */
export async function startBackend(
  registry: FileRegistry,
  services: readonly string[],
): Promise<Backend> {
  const state: { plan: Plan; last: Backend["last"]; server?: Server } = {
    plan: { replies: [{}] },
    last: undefined,
  };
  const json = (type: DescMessage) => protobufJsonCodec(type, { registry });
  const take = ({ input }: DescMethod, path: string, request: Uint8Array) => {
    state.last = { method: path, request: requestOf(input, request) };
    fail();
  };
  const takeAll = async (
    { input }: DescMethod,
    path: string,
    requests: AsyncIterable<Uint8Array>,
  ) => {
    const all: unknown[] = [];
    for await (const request of requests) all.push(requestOf(input, request));
    state.last = { method: path, request: all };
    fail();
  };
  const fail = () => {
    const { failure } = state.plan;
    if (failure !== undefined) throw new RpcError(failure, "planned");
  };
  /** The message in ProtoJSON, or its bytes when it has no such form. */
  const requestOf = (input: DescMessage, request: Uint8Array): unknown => {
    try {
      const message = protobufCodec(input).decode(request);
      return JSON.parse(new TextDecoder().decode(json(input).encode(message)));
    } catch {
      return request.toBase64();
    }
  };
  const replies = ({ output }: DescMethod) =>
    state.plan.replies.map((reply) =>
      protobufCodec(output).encode(json(output).decode(JSON.stringify(reply)))
    );
  const configure = (router: Router) => {
    for (const method of services.flatMap((name) => registry.getService(name)!.methods)) {
      const path = `/${method.parent.typeName}/${method.name}`;
      if (method.methodKind === "server_streaming") {
        router.method(path, { kind: "server_streaming" }, async function* (request) {
          take(method, path, request);
          yield* await Promise.resolve(replies(method));
        });
      } else if (method.methodKind === "bidi_streaming") {
        router.method(path, { kind: "bidi_streaming" }, async function* (requests) {
          await takeAll(method, path, requests);
          yield* replies(method);
        });
      } else if (method.methodKind === "client_streaming") {
        router.method(path, { kind: "client_streaming" }, async (requests) => {
          await takeAll(method, path, requests);
          return replies(method)[0];
        });
      } else {
        router.method(path, {}, (request) => {
          take(method, path, request);
          return replies(method)[0];
        });
      }
    }
  };
  const server = await serve("127.0.0.1:0", configure);
  return Object.assign(state, {
    address: server.addresses[0],
    [Symbol.asyncDispose]: () => server.close(),
  });
}
