/**
 * A service with a method of each kind, and servers and clients of it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import * as grpc from "../../src/grpc_js/mod.ts";

/** Message of the service. */
export interface Message {
  readonly text?: string;
  readonly count?: number;
}

const serialize = (message: Message) => Buffer.from(JSON.stringify(message));
const deserialize = (bytes: Buffer): Message => JSON.parse(bytes.toString());

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Letters/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
    originalName: name[0].toLowerCase() + name.slice(1),
  };
}

/** Definition of the service. */
export const letters = {
  Send: method("Send", false, false),
  Gather: method("Gather", true, false),
  Scatter: method("Scatter", false, true),
  Chat: method("Chat", true, true),
};

/** Constructor of clients of the service. */
export const LettersClient = grpc.makeClientConstructor(letters, "Letters");

/** Handlers: echo, count, count down, echo of each. */
export const implementation: grpc.UntypedServiceImplementation = {
  send(
    call: grpc.ServerUnaryCall<Message, Message>,
    callback: grpc.sendUnaryData<Message>,
  ) {
    if (call.request.text === "fail") {
      const metadata = new grpc.Metadata();
      metadata.set("why", "asked");
      callback({ code: grpc.status.NOT_FOUND, details: "no letter", metadata });
    } else if (call.request.text !== "hang") {
      callback(null, { text: `${call.request.text}!` });
    }
  },
  gather(
    call: grpc.ServerReadableStream<Message, Message>,
    callback: grpc.sendUnaryData<Message>,
  ) {
    let count = 0;
    call.on("data", () => count++);
    call.on("end", () => callback(null, { count }));
  },
  scatter(call: grpc.ServerWritableStream<Message, Message>) {
    for (let count = call.request.count ?? 0; count > 0; count--) call.write({ count });
    call.end();
  },
  chat(call: grpc.ServerDuplexStream<Message, Message>) {
    call.on("data", (message: Message) => call.write(message));
    call.on("end", () => call.end());
  },
};

/** A server and a client of it, closed with `using`. */
export class Pair implements AsyncDisposable {
  readonly server: grpc.Server;
  readonly client: grpc.ServiceClient;
  readonly port: number;

  constructor(server: grpc.Server, client: grpc.ServiceClient, port: number) {
    this.server = server;
    this.client = client;
    this.port = port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.server.forceShutdown();
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
  }
}

/** Options of {@link start}. */
export interface StartOptions {
  readonly server?: grpc.ServerOptions;
  readonly client?: grpc.ClientOptions;
  readonly handlers?: grpc.UntypedServiceImplementation;
  readonly serverCredentials?: grpc.ServerCredentials;
  readonly clientCredentials?: grpc.ChannelCredentials;
}

/** Resolves to the port of an address once it listens. */
export function bind(
  server: grpc.Server,
  address = "127.0.0.1:0",
  credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

/** Starts a server of the service, and a client of it. */
export async function start(options: StartOptions = {}): Promise<Pair> {
  const server = new grpc.Server(options.server);
  server.addService(letters, { ...implementation, ...options.handlers });
  const port = await bind(server, "127.0.0.1:0", options.serverCredentials);
  const client = new LettersClient(
    `127.0.0.1:${port}`,
    options.clientCredentials ?? grpc.credentials.createInsecure(),
    options.client,
  );
  return new Pair(server, client, port);
}

/** Outcome of a call. */
export interface Outcome {
  reply?: Message;
  error?: grpc.ServiceError;
  /** Names of the events, in order. */
  readonly events: string[];
  headers?: grpc.Metadata;
  status?: grpc.StatusObject;
}

/** Makes a call of `send`; resolves at its event `status`. `begin` gets the call. */
export function send(
  client: grpc.ServiceClient,
  message: Message,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
  begin: (call: grpc.ClientUnaryCall) => void = () => {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { events: [] };
    const done = (error: grpc.ServiceError | null, reply?: Message) => {
      outcome.events.push("callback");
      if (error) outcome.error = error;
      else outcome.reply = reply;
    };
    const call: grpc.ClientUnaryCall = client.send(message, metadata, options, done);
    watch(call, outcome, resolve);
    begin(call);
  });
}

function watch(call: grpc.SurfaceCall, outcome: Outcome, resolve: (outcome: Outcome) => void) {
  call.on("metadata", (headers: grpc.Metadata) => {
    outcome.events.push("metadata");
    outcome.headers = headers;
  });
  call.on("status", (status: grpc.StatusObject) => {
    outcome.events.push("status");
    outcome.status = status;
    resolve(outcome);
  });
}

/** Reads a stream of replies; resolves at its event `status` or after its `end`, whichever is later. */
export function readAll(
  call: grpc.ClientReadableStream<Message>,
): Promise<Outcome & { replies: Message[] }> {
  const outcome = { events: [] as string[], replies: [] as Message[] } as
    & Outcome
    & { replies: Message[] };
  const ended = new Promise<void>((resolve) => {
    call.on("data", (message: Message) => outcome.replies.push(message));
    call.on("end", () => {
      outcome.events.push("end");
      resolve();
    });
    call.on("error", (error: grpc.ServiceError) => {
      outcome.events.push("error");
      outcome.error = error;
      resolve();
    });
  });
  const told = new Promise<Outcome>((resolve) => watch(call, outcome, resolve));
  return Promise.all([ended, told]).then(() => outcome);
}
