/**
 * Orders files so that each follows its imports, as in a FileDescriptorSet.
 *
 * @module
 */

import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";

/**
 * Returns the files, each after its imports. Ignores imports that are not in `files` or that form a cycle. Not
 * recursive, because chains of imports may be long.
 */
export function inImportOrder(
  files: ReadonlyMap<string, FileDescriptorProto>,
): FileDescriptorProto[] {
  const ordered: FileDescriptorProto[] = [];
  const seen = new Set<FileDescriptorProto>();
  const open: { file: FileDescriptorProto; next: number }[] = [];
  for (const root of files.values()) {
    if (seen.has(root)) continue;
    seen.add(root);
    open.push({ file: root, next: 0 });
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (top.next === top.file.dependency.length) {
        ordered.push(top.file);
        open.pop();
        continue;
      }
      const imported = files.get(top.file.dependency[top.next++]);
      if (imported === undefined || seen.has(imported)) continue;
      seen.add(imported);
      open.push({ file: imported, next: 0 });
    }
  }
  return ordered;
}
