/**
 * Files of grpc-js's suite that run against the adapter, and the cases that fail of it, of its examples and of nice-grpc's
 * suite, with the reasons. `docs/grpc-js.md` shows them.
 *
 * @module
 */

import type { ExpectedFailure } from "./judge.ts";

/** Files about public behaviour: `test-NAME.ts`. */
export const FILES: readonly string[] = [
  ...["call-credentials", "call-propagation", "channel-credentials", "client", "deadline"],
  ...["global-subchannel-pool", "idle-timer", "local-subchannel-pool", "metadata"],
  ...["prototype-pollution", "retry", "server", "server-credentials", "server-deadlines"],
  ...["server-errors", "server-interceptors", "status-builder"],
];

/** All cases of grpc-js's suite that fail. */
export const EXPECTED_FAILURES: readonly ExpectedFailure[] = [
  {
    because: "they read members that grpc-js marks as internal (`_getSecureContextOptions`, " +
      "`_getConstructorOptions`, `updateSecureContextOptions`)",
    titles: [
      "Echo service ServerCredentials watcher",
      "Server Credentials createInsecure creates insecure credentials",
      "createSsl accepts a buffer and array as the first two arguments",
      "createSsl accepts a boolean as the third argument",
      "createSsl accepts an object with two buffers in the second argument",
      "createSsl accepts multiple objects in the second argument",
    ],
  },
  {
    because: "certificate providers, which grpc-js exports as experimental, are left out",
    titles: [
      "ChannelCredentials usage Should handle certificate providers",
      "Channel credentials certificate provider mtls",
    ],
  },
  {
    because:
      "a client's getAuthContext has the type of security only; a server's has the certificate",
    titles: ["ChannelCredentials usage Should provide certificates in getAuthContext"],
  },
  {
    because: "a client connects again at once when its server has closed an idle connection; " +
      "it does not become idle itself",
    titles: ["Server idle timer Should"],
  },
  {
    because: "grpc-js 1.14.7 returns a single value as text, as the adapter does; the suite's " +
      "source is older",
    titles: ["Metadata toHttp2Headers creates an OutgoingHttpHeaders object with expected values"],
  },
  {
    because: "a call has five attempts at most (gRPC A6), without an option to raise the limit",
    titles: ["Should be able to make more than 5 attempts with a channel argument"],
  },
  {
    because: "a status beyond gRPC's codes becomes UNKNOWN (gRPC, status codes)",
    titles: [
      "Should not retry on custom error code",
      "Error object should contain the status for a non-standard error code",
    ],
  },
  {
    because: "unbind announces the end of a connection (RFC 9113 §6.8) and serves the calls that " +
      "are on their way; the case expects the next call to fail at once",
    titles: ["Server unbind successfully unbinds a bound ephemeral port"],
  },
  {
    because: "Deno's node:http2 lacks the constant that the case compares with",
    titles: ["responds with HTTP status of 415 on invalid content-type"],
  },
  {
    because: "`grpc-timeout` cannot be forged as metadata; deadlines are given in the options",
    titles: ["Server deadlines works with deadlines", "Server deadlines rejects invalid deadline"],
  },
  {
    because: "the code is the same, the text of a unary request that inflates too far is not",
    titles: [
      "Compressed messages Should be enforced with gzip",
      "Compressed messages Should be enforced with deflate",
    ],
  },
];

/** All of grpc-js's examples that fail. */
export const EXAMPLE_FAILURES: readonly ExpectedFailure[] = [
  {
    because: "it serves channelz by addAdminServicesToServer; channelz is left out",
    titles: ["debugging"],
  },
];

/** All cases of nice-grpc's suite that fail. */
export const NICE_GRPC_FAILURES: readonly ExpectedFailure[] = [
  {
    because:
      "they patch the connector of grpc-js, an internal class; the adapter has the time limit " +
      "that the patch adds",
    titles: ["connectTimeoutPatch: "],
  },
];
