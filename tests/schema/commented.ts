/**
 * Descriptors with comments, for tests.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { type FileDescriptorProto, SourceCodeInfoSchema } from "@bufbuild/protobuf/wkt";

/** A file with comments at paths of field numbers and indexes. */
export function commented(
  to: FileDescriptorProto,
  comments: readonly [path: number[], leading: string, trailing?: string][],
): FileDescriptorProto {
  to.sourceCodeInfo = create(SourceCodeInfoSchema, {
    location: comments.map(([path, leadingComments, trailingComments = ""]) => (
      { path, leadingComments, trailingComments }
    )),
  });
  return to;
}
