/**
 * Header fields of a call on a server.
 *
 * @module
 */

import { acceptsEncoding, type Encoding, encodingList } from "../call/encodings.ts";
import { Status } from "../call/status.ts";
import type { HeaderList } from "../hpack/header_list.ts";
import { binaryFieldsAreValid, parseTimeout } from "./fields.ts";

/** Decoded header fields of a request. Calls with equal header blocks share one object. */
export class RequestFields {
  timeoutMs = Infinity;
  encoding = "identity";
  contentSubtype = "";
  acceptedEncodings = "";
  names: readonly string[] = [];
  values: readonly string[] = [];
  constructor(readonly path: string, readonly authority: string) {}
}

/** Reads the regular fields into `fields`; returns the status for a malformed request, or null. */
export function readFields(
  fields: RequestFields,
  list: HeaderList,
  from: number,
  encodings: readonly Encoding[],
): { code: Status; message: string; httpStatus: number } | null {
  const { names, values, count } = list;
  let binary = false;
  for (let i = from; i < count; i++) {
    const name = names[i];
    if (name === "grpc-timeout") {
      fields.timeoutMs = parseTimeout(values[i]);
      if (Number.isNaN(fields.timeoutMs)) {
        const message = `Cannot read grpc-timeout ${JSON.stringify(values[i])}`;
        return { code: Status.INTERNAL, message, httpStatus: 400 };
      }
    } else if (name === "grpc-encoding") {
      fields.encoding = values[i];
    } else if (name === "grpc-accept-encoding") {
      fields.acceptedEncodings = values[i];
    } else if (name.endsWith("-bin")) {
      binary = true;
    }
  }
  if (binary && !binaryFieldsAreValid(list, from)) {
    const message = "A -bin metadata value is not valid base64";
    return { code: Status.INTERNAL, message, httpStatus: 400 };
  }
  if (!acceptsEncoding(encodings, fields.encoding)) {
    const message = `Compression "${fields.encoding}" is not supported: use ${
      encodingList(encodings)
    }`;
    return { code: Status.UNIMPLEMENTED, message, httpStatus: 200 };
  }
  if (fields.path.charCodeAt(0) !== 47) {
    const message = `Malformed method name ${JSON.stringify(fields.path)}`;
    return { code: Status.UNIMPLEMENTED, message, httpStatus: 200 };
  }
  fields.names = names.slice(from, count);
  fields.values = values.slice(from, count);
  return null;
}
