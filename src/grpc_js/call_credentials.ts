/**
 * Credentials of calls: metadata that authenticates them.
 *
 * @module
 */

import { isInstance, textOf } from "../errors.ts";
import { Status } from "./constants.ts";
import { Metadata } from "./metadata.ts";

/** Call that a metadata generator is asked for. */
export interface CallMetadataOptions {
  /** Path of the method. */
  method_name: string;
  /** URL of the service: `https://host/package.Service`. */
  service_url: string;
}

/** Passes the metadata of a call to `callback`. */
export type CallMetadataGenerator = (
  options: CallMetadataOptions,
  callback: (error: Error | null, metadata?: Metadata) => void,
) => void;

/** Client of google-auth-library before version 2. */
export interface OldOAuth2Client {
  /** Passes header fields for a URL to the callback. */
  getRequestMetadata: (
    url: string,
    callback: (error: Error | null, headers?: { [index: string]: string }) => void,
  ) => void;
}

/** Client of google-auth-library. */
export interface CurrentOAuth2Client {
  /** Returns header fields for a URL. */
  getRequestHeaders: (url?: string) => Promise<{ [index: string]: string } | Headers>;
}

/** Client of google-auth-library. */
export type OAuth2Client = OldOAuth2Client | CurrentOAuth2Client;

/** Adds metadata to calls. */
export abstract class CallCredentials {
  /** Returns the metadata of a call. */
  abstract generateMetadata(options: CallMetadataOptions): Promise<Metadata>;

  /** Returns credentials that add the metadata of both. */
  abstract compose(callCredentials: CallCredentials): CallCredentials;

  /** Whether both were made from the same generators. */
  abstract _equals(other: CallCredentials): boolean;

  /** Makes credentials from a function that generates the metadata of each call. */
  static createFromMetadataGenerator(metadataGenerator: CallMetadataGenerator): CallCredentials {
    return new SingleCallCredentials(metadataGenerator);
  }

  /** Makes credentials from a client of google-auth-library. */
  static createFromGoogleCredential(googleCredentials: OAuth2Client): CallCredentials {
    return new SingleCallCredentials((options, callback) => {
      requestHeaders(googleCredentials, options.service_url).then((headers) => {
        const metadata = new Metadata();
        const pairs = headers instanceof Headers ? headers : Object.entries(headers);
        for (const [key, value] of pairs) metadata.add(key, value);
        return metadata;
      }).then((metadata) => callback(null, metadata), (error) => callback(error));
    });
  }

  /** Makes credentials that add nothing. */
  static createEmpty(): CallCredentials {
    return new EmptyCallCredentials();
  }
}

function requestHeaders(
  client: OAuth2Client,
  url: string,
): Promise<{ [index: string]: string } | Headers> {
  if ("getRequestHeaders" in client && typeof client.getRequestHeaders === "function") {
    return client.getRequestHeaders(url);
  }
  const old = client as OldOAuth2Client;
  return new Promise((resolve, reject) => {
    old.getRequestMetadata(url, (error, headers) => {
      if (error) reject(error);
      else if (headers) resolve(headers);
      else reject(new Error("Headers not set by metadata plugin"));
    });
  });
}

class ComposedCallCredentials extends CallCredentials {
  readonly #parts: readonly CallCredentials[];

  constructor(parts: readonly CallCredentials[]) {
    super();
    this.#parts = parts;
  }

  async generateMetadata(options: CallMetadataOptions): Promise<Metadata> {
    const all = new Metadata();
    for (const one of await Promise.all(this.#parts.map((p) => p.generateMetadata(options)))) {
      all.merge(one);
    }
    return all;
  }

  compose(other: CallCredentials): CallCredentials {
    if (isEmptyCallCredentials(other)) return this;
    return new ComposedCallCredentials([...this.#parts, other]);
  }

  _equals(other: CallCredentials): boolean {
    if (this === other) return true;
    if (!(other instanceof ComposedCallCredentials)) return false;
    const parts = other.#parts;
    return parts.length === this.#parts.length &&
      this.#parts.every((part, i) => part._equals(parts[i]));
  }
}

class SingleCallCredentials extends CallCredentials {
  readonly #generate: CallMetadataGenerator;

  constructor(generate: CallMetadataGenerator) {
    super();
    this.#generate = generate;
  }

  generateMetadata(options: CallMetadataOptions): Promise<Metadata> {
    return new Promise((resolve, reject) => {
      this.#generate(options, (error, metadata) => {
        if (metadata === undefined) reject(error);
        else resolve(metadata);
      });
    });
  }

  compose(other: CallCredentials): CallCredentials {
    if (isEmptyCallCredentials(other)) return this;
    return new ComposedCallCredentials([this, other]);
  }

  _equals(other: CallCredentials): boolean {
    return this === other ||
      other instanceof SingleCallCredentials && this.#generate === other.#generate;
  }
}

class EmptyCallCredentials extends CallCredentials {
  generateMetadata(): Promise<Metadata> {
    return Promise.resolve(new Metadata());
  }

  compose(other: CallCredentials): CallCredentials {
    return other;
  }

  _equals(other: CallCredentials): boolean {
    return isEmptyCallCredentials(other);
  }
}

/** Whether credentials add nothing. */
export function isEmptyCallCredentials(credentials: CallCredentials): boolean {
  return credentials instanceof EmptyCallCredentials;
}

// Codes that only a server may set (gRPC A54).
const SERVERS_CODES: readonly number[] = [0, 3, 5, 6, 9, 10, 11, 15];

/** Returns the status of a call whose credentials have failed. */
export function credentialsFailure(error: unknown): { code: Status; details: string } {
  const thrown = isInstance(error, Error) ? (error as { code?: unknown }).code : undefined;
  const code: Status = typeof thrown === "number" ? thrown : Status.UNKNOWN;
  const details = `Getting metadata from plugin failed with error: ${textOf(error)}`;
  if (!SERVERS_CODES.includes(code)) return { code, details };
  return {
    code: Status.INTERNAL,
    details: `Invalid status from control plane: ${code} ${Status[code]} ${details}`,
  };
}
