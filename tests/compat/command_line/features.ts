/**
 * What `vrpc` does beside grpcurl, evans and `buf curl`, each with the command that shows it.
 *
 * @module
 */

/** Feature of the command line. */
export interface Feature {
  readonly name: string;
  /**
   * Arguments of `vrpc`, separated by spaces, with single quotes as in a shell. `HOST`, `TLS`, `MTLS` and `SOCKET` are
   * addresses of a server, `CA`, `CERT`, `KEY`, `PROTOS`, `REQUEST`, `ENCODED`, `STREAM`, `HEADERS` and `TYPES` files.
   */
  readonly command: string;
  readonly stdin?: string;
  /** What standard output or standard error contains. */
  readonly shows: RegExp;
  /** Exit code. Default 0. */
  readonly code?: number;
  /** Whether only a server of vrpc has it. */
  readonly oursOnly?: boolean;
  /** Whether grpcurl, evans and buf curl have it, as their programs were tried: a word, and what there is to say. */
  readonly others: readonly [grpcurl: string, evans: string, buf: string];
}

const UNARY = "call HOST grpc.testing.TestService/UnaryCall";
const DUPLEX = "call HOST grpc.testing.TestService/FullDuplexCall";
const FAILING = `${UNARY} '{"response_status": {"code": 3, "message": "no"}}'`;
const THREE = /^(\{.*"body":"AA[A=]{2}".*\}\n){3}$/m;

/** All features, in the order of the page. */
export const FEATURES: readonly Feature[] = [
  {
    name: "methods by reflection",
    command: "list HOST",
    shows: /^\/grpc\.testing\.TestService\/UnaryCall +unary /m,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "services and types as `.proto` text",
    command: "describe HOST grpc.testing.SimpleRequest",
    shows: /^ {2}int32 response_size = 2;$/m,
    others: ["yes", "yes", "no"],
  },
  {
    name: "with their comments, from `.proto` files",
    command: "--proto PROTOS/shop.proto describe shop.v1.Order",
    shows: /^\/\/ An order\.$/m,
    others: ["yes", "no", "no"],
  },
  {
    name: "a request to fill in",
    command: "describe --template HOST grpc.testing.SimpleRequest",
    shows: /^ {2}"responseSize": 0,$/m,
    others: ["yes", "no", "no"],
  },
  {
    name: "methods by OpenAPI",
    command: "openapi HOST",
    shows: /"\/grpc\.testing\.TestService\/UnaryCall"/,
    others: ["no", "no", "no"],
  },
  {
    name: "types from `.proto` files",
    command: "--proto PROTOS/shop.proto list",
    shows: /^\/shop\.v1\.Orders\/Create +unary /m,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "types from descriptor sets",
    command: "--protoset TYPES list",
    shows: /^\/grpc\.testing\.TestService\/UnaryCall +unary /m,
    others: ["yes", "no", "yes"],
  },
  {
    name: "methods by the end of their name",
    command: "call HOST EmptyCall {}",
    shows: /^\{\}$/m,
    others: ["no", "in its repl", "no"],
  },
  {
    name: "requests from a file",
    command: `${UNARY} @REQUEST`,
    shows: /"body":"aGk="/,
    others: ["no", "yes", "yes"],
  },
  {
    name: "streams from standard input",
    command: `${DUPLEX} -`,
    stdin:
      '{"response_parameters": [{"size": 3}, {"size": 1}]}\n{"responseParameters":\n[{"size": 2}]}',
    shows: THREE,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "streams from a file",
    command: `${DUPLEX} @STREAM`,
    shows: THREE,
    others: ["no", "yes", "yes"],
  },
  {
    name: "metadata from a file",
    command: `-v -H @HEADERS ${UNARY} {}`,
    shows: /^< reply-who: file$/m,
    others: ["no", "no", "yes"],
  },
  {
    name: "metadata from the environment",
    command: `-v --expand-headers -H 'who: \${VRPC_WHO}' ${UNARY} {}`,
    shows: /^< reply-who: somebody$/m,
    others: ["yes", "no", "no"],
  },
  {
    name: "headers and trailers",
    command: `-v ${UNARY} {}`,
    shows: /^< reply-tail: two \(trailer\)$/m,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "time of each phase",
    command: `-v ${UNARY} {}`,
    shows: /^\* DNS .* connect .* handshake .* lookup .* first byte .* total [\d.]+ ms$/m,
    others: ["dial and call", "no", "no"],
  },
  {
    name: "details of errors, decoded",
    command: FAILING,
    shows: /^ {2}response_size: too large\n {2}grpc\.testing\.EchoStatus: \{"code":7,.*\}$/m,
    code: 67,
    others: ["yes", "google.rpc", "no"],
  },
  {
    name: "errors as JSON",
    command: `--format json ${FAILING}`,
    shows: /^\{"code":"INVALID_ARGUMENT","message":"no",/m,
    code: 67,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "an exit code for each status",
    command: FAILING,
    shows: /^INVALID_ARGUMENT: no$/m,
    code: 67,
    others: ["yes, the same", "no", "yes, others"],
  },
  {
    name: "with or without default values",
    command: `--emit-defaults off ${UNARY} @REQUEST`,
    shows: /^\{"payload":\{"body":"aGk="\}\}$/m,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "encoded messages as they are",
    command: `--format raw ${UNARY} @ENCODED`,
    // deno-lint-ignore no-control-regex
    shows: /^\n\x04\x12\x02hi$/,
    others: ["no", "no", "no"],
  },
  {
    name: "a time limit",
    command: `--max-time 3s -H who:slow ${UNARY} {}`,
    shows: /^DEADLINE_EXCEEDED: /m,
    code: 68,
    others: ["yes", "no", "yes"],
  },
  {
    name: "compressed requests",
    command: `--compress on ${UNARY} @REQUEST`,
    shows: /"body":"aGk="/,
    others: ["no", "no", "no"],
  },
  {
    name: "TLS",
    command: "--tls-ca CA --tls-server-name localhost list TLS",
    shows: /UnaryCall/,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "mutual TLS",
    command: "--tls-ca CA --tls-cert CERT --tls-key KEY --tls-server-name localhost list MTLS",
    shows: /UnaryCall/,
    others: ["yes", "yes", "yes"],
  },
  {
    name: "Unix sockets",
    command: "list SOCKET",
    shows: /UnaryCall/,
    others: ["yes", "no", "yes"],
  },
  {
    name: "gRPC-Web",
    command: `--wire grpc-web ${UNARY} @REQUEST`,
    shows: /"body":"aGk="/,
    oursOnly: true,
    others: ["no", "yes", "yes"],
  },
  {
    name: "Connect",
    command: `--wire connect ${UNARY} @REQUEST`,
    shows: /"body":"aGk="/,
    oursOnly: true,
    others: ["no", "no", "yes"],
  },
  {
    name: "lean",
    command: `--wire lean ${UNARY} @REQUEST`,
    shows: /"body":"aGk="/,
    oursOnly: true,
    others: ["no", "no", "no"],
  },
  {
    name: "health, as an exit code",
    command: "health HOST shop",
    shows: /^NOT_SERVING$/m,
    code: 4,
    others: ["no", "no", "no"],
  },
  {
    name: "commands about one server (repl)",
    command: "repl HOST",
    stdin: "set header who: me\nset verbose on\ncall UnaryCall {\n}\n",
    shows: /^< reply-who: me$/m,
    others: ["no", "yes", "no"],
  },
];

/** What others have and `vrpc` lacks. */
export const LACKING: readonly (readonly [name: string, ...others: string[]])[] = [
  ["messages in protobuf's text format", "yes", "no", "no"],
  ["descriptor sets of a server, written to a file", "yes", "no", "no"],
  ["ALTS", "yes", "no", "no"],
  ["HTTP/3", "no", "no", "yes"],
  ["passwords of `.netrc`", "no", "no", "yes"],
];

/** Returns the rows of the table in docs/command-line.md. */
export function tableRows(): string[] {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    ...FEATURES.map(({ name, command, others }) =>
      `| ${[name, `\`vrpc ${command}\``, ...others].map(cell).join(" | ")} |`
    ),
    ...LACKING.map(([name, ...others]) => `| ${[name, "no", ...others].map(cell).join(" | ")} |`),
  ];
}
