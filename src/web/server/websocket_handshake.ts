/**
 * Opening handshake of WebSockets that carry lean (RFC 6455 §4.2).
 *
 * @module
 */

import { builtinModule } from "../../bytes/builtin_module.ts";
import { fieldValue } from "./exchange.ts";

/**
 * Subprotocols under which lean is carried. Browsers allow no slash in a subprotocol (RFC 6455 §4.1), so that they need
 * the second name.
 */
export const LEAN_SUBPROTOCOLS: readonly string[] = ["vrpc-lean/1", "vrpc-lean.1"];

/** Why a handshake is refused. */
export interface RefusedHandshake {
  readonly status: number;
  readonly text: string;
  /** Fields of the response, names and values in turn. */
  readonly fields: readonly string[];
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
// 16 bytes in base64: the last of 22 digits has four bits of zero.
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Whether a request asks for a WebSocket (RFC 9110 §7.8, RFC 6455 §4.2.1). */
export function asksForWebSocket(method: string, fields: readonly string[]): boolean {
  return method === "GET" && tokens(fields, "upgrade").includes("websocket") &&
    tokens(fields, "connection").includes("upgrade");
}

/** Fields of the response 101, names and values in turn, or why the handshake is refused. */
export function answerHandshake(fields: readonly string[]): readonly string[] | RefusedHandshake {
  if (fieldValue(fields, "sec-websocket-version") !== "13") {
    return {
      status: 426,
      text: "Use version 13 of the WebSocket protocol\n",
      fields: ["sec-websocket-version", "13"],
    };
  }
  const keys = values(fields, "sec-websocket-key");
  if (keys.length !== 1 || !KEY.test(keys[0])) {
    return { status: 400, text: "Sec-WebSocket-Key is not valid\n", fields: [] };
  }
  const offered = values(fields, "sec-websocket-protocol").join(",").split(",").map((one) =>
    one.trim()
  );
  const protocol = offered.find((one) => LEAN_SUBPROTOCOLS.includes(one));
  if (protocol === undefined) {
    const text = `Offer the subprotocol ${LEAN_SUBPROTOCOLS.join(" or ")}\n`;
    return { status: 400, text, fields: [] };
  }
  const accept = builtinModule("node:crypto").createHash("sha1").update(keys[0] + GUID).digest(
    "base64",
  );
  return ["sec-websocket-accept", accept, "sec-websocket-protocol", protocol];
}

/** Values of all fields with this name. */
function values(fields: readonly string[], name: string): string[] {
  return fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
}

/** Elements of a comma-separated list, in lower case. */
function tokens(fields: readonly string[], name: string): string[] {
  return values(fields, name).join(",").toLowerCase().split(",").map((one) => one.trim());
}
