/**
 * What to do about failures whose cause is probably an option.
 *
 * @module
 */

import { RpcError, Status } from "../../mod.ts";

/** Returns the error, with the option that helps, or a name that may have been meant, in its text. */
export function withHint(error: RpcError, usesTls: boolean, suggestion = ""): RpcError {
  const unknown = error.code === Status.UNIMPLEMENTED ? suggestion : "";
  const message = hinted(error, usesTls) + unknown;
  return message === error.message
    ? error
    : new RpcError(error.code, message, { details: error.details });
}

function hinted({ code, message }: RpcError, usesTls: boolean): string {
  if (code !== Status.UNAVAILABLE) return message;
  if (
    !usesTls &&
    /Cannot connect to .*(The peer closed the connection|the peer speaks TLS)/.test(message)
  ) {
    return `${message}; if the server uses TLS, pass --tls on`;
  }
  if (message.includes("not speak TLS")) return `${message}; leave out the --tls options`;
  if (message.includes("requires a client certificate")) {
    return `${message}; pass it with --tls-cert and --tls-key`;
  }
  return message.replace("as tls.ca (or tls.clientCa)", "with --tls-ca")
    .replace("see tls.ca and tls.clientCa", "see --tls-ca");
}
