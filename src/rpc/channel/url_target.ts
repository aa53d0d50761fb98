/**
 * Targets given as URLs: `http://host:port/path` and `https://host/path`.
 *
 * @module
 */

import { type ChannelOptions, isWeb } from "./options.ts";

/** A target without URLs, and the options that its URLs set. */
export interface PlainTarget {
  /** Addresses in the address grammar. */
  readonly addresses: readonly string[];
  /** The options, with `tls` for https. */
  readonly options: ChannelOptions;
  /** Path before those of methods, without a slash at its end; empty for none. */
  readonly pathPrefix: string;
}

const URL_SCHEME = /^(https?):\/\//i;

/**
 * Converts URLs among addresses. All addresses of a channel have the same scheme and path. Throws TypeError for a URL
 * that is not valid, that has a part which no call can send, or that contradicts the options.
 */
export function plainTarget(
  target: string | readonly string[],
  options: ChannelOptions,
): PlainTarget {
  const texts = typeof target === "string" ? [target] : [...checkIterable(target)];
  const isUrl = (text: unknown) => typeof text === "string" && URL_SCHEME.test(text);
  if (!texts.some(isUrl)) return { addresses: texts, options, pathPrefix: "" };
  const parsed = texts.map((text) => {
    if (!isUrl(text)) throw invalid(text, "is no URL, but another address of the channel is one");
    return parseUrl(text);
  });
  const [first] = parsed;
  const [{ secure, pathPrefix }] = parsed;
  for (const other of parsed) {
    if (other.secure !== secure || other.pathPrefix !== pathPrefix) {
      throw invalid(other.text, `differs from ${JSON.stringify(first.text)} in its scheme or path`);
    }
  }
  const { wire = "grpc", tls } = options;
  if (wire === "lean") throw invalid(first.text, "is a URL of HTTP, and the wire is lean");
  if (pathPrefix !== "" && !isWeb(wire)) {
    throw invalid(first.text, "has a path, which only the wires connect and grpc-web send");
  }
  if (!secure && tls !== undefined) throw invalid(first.text, "is http, and the option tls is set");
  return {
    addresses: parsed.map(({ address }) => address),
    options: secure ? { ...options, tls: tls ?? true } : options,
    pathPrefix,
  };
}

/** Throws TypeError, which says what `connect` takes, for what is neither a text nor a list. */
function checkIterable(target: readonly string[]): readonly string[] {
  const given: unknown = target;
  if (typeof given === "object" && given !== null && Symbol.iterator in given) return target;
  const isPort = typeof given === "number";
  const port = isPort ? given : 50051;
  const shown = given instanceof URL ? "a URL object" : given === null ? "null" : typeof given;
  throw new TypeError(
    `Cannot connect to ${
      isPort ? given : shown
    }: connect takes an address or a list of them, such as ` +
      `"127.0.0.1:${port}", "unix:/run/app.sock" or "https://api.example"`,
  );
}

interface ParsedUrl {
  readonly text: string;
  readonly address: string;
  readonly secure: boolean;
  readonly pathPrefix: string;
}

function parseUrl(text: string): ParsedUrl {
  const url = URL.parse(text);
  if (url === null) throw invalid(text, "is not a valid URL");
  if (url.username !== "" || url.password !== "") {
    throw invalid(text, "has user information: use the option credentials");
  }
  if (url.search !== "" || url.hash !== "" || /[?#]$/.test(text)) {
    throw invalid(text, "has a query or a fragment");
  }
  const secure = url.protocol === "https:";
  return {
    text,
    address: `${url.hostname}:${url.port === "" ? secure ? 443 : 80 : url.port}`,
    secure,
    pathPrefix: url.pathname.replace(/\/+$/, ""),
  };
}

function invalid(text: string, why: string): TypeError {
  return new TypeError(
    `Cannot connect: ${JSON.stringify(text)} ${why}; expected, for example, https://example.com`,
  );
}
