/**
 * Where descriptions come from.
 *
 * @module
 */

/** Comments of descriptors by full name. */
export interface CommentSource {
  /** Comment at a message, field, enum, value, service or method; undefined for none. */
  get(name: string): string | undefined;
}

/** First paragraph of a comment, in one line: a summary. */
export function summaryOf(comment: string): string {
  const [first] = comment.split(/\n\s*\n/);
  return first.replace(/\s+/g, " ").trim();
}
