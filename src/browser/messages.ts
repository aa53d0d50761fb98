/**
 * Decodes protobuf messages in pages, with the server's bound on their memory and without generated code, which pages may
 * forbid.
 *
 * @module
 */

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Mergers } from "../protobuf/merge.ts";
import { strictText } from "../protobuf/reader.ts";
import { blockText } from "../protobuf/short_text.ts";
import { joinInBlocks, wideText } from "../protobuf/wide_text.ts";

export { MessageMemoryError } from "../protobuf/reader.ts";

const mergers = new Mergers(blockText(wideText(joinInBlocks, strictText)));

/**
 * Decodes a message into the form that protobuf-es uses. Its bytes fields are views of `bytes`. Throws
 * MessageMemoryError for messages that would take more than 64 MiB and 32 bytes for each byte, Error for bytes that are
 * not a valid message.
 */
export function decodeMessage<D extends DescMessage>(
  descriptor: D,
  bytes: Uint8Array,
): MessageShape<D> {
  return mergers.decode(descriptor, bytes) as unknown as MessageShape<D>;
}
