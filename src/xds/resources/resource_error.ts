/**
 * The error of a resource that is not valid.
 *
 * @module
 */

/** A resource that is refused (NACKed): what is wrong with it, beginning with the path of the field. */
export class ResourceError extends Error {
  override readonly name = "ResourceError";
}

/** Throws a {@link ResourceError} for a field. */
export function invalid(field: string, what: string): never {
  throw new ResourceError(`${field}: ${what}`);
}
