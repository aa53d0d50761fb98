/**
 * Percent-decoding of paths and queries (RFC 3986 §2.1; google/api/http.proto, "HttpRule").
 *
 * @module
 */

/** Decodes one segment of a path. Throws URIError for text that is not percent-encoded UTF-8. */
export function decodeSegment(segment: string): string {
  return segment.includes("%") ? decodeURIComponent(segment) : segment;
}

/**
 * Decodes a segment of a value that has several: `%2F` and `%2f` stay, because a slash would be another segment. Throws
 * URIError as {@link decodeSegment}.
 */
export function decodeSegmentOfMany(segment: string): string {
  if (!segment.includes("%")) return segment;
  return segment.split(/(%2f)/i).map((part, i) => i % 2 === 1 ? part : decodeSegment(part)).join(
    "",
  );
}

/** Name and value of a parameter. */
export type QueryPair = readonly [name: string, value: string];

/** Limit on parameters. */
export class TooManyParameters extends Error {
  override readonly name = "TooManyParameters";
}

/**
 * Returns the parameters of a query, without `?`, in their order; a plus is a space (WHATWG URL,
 * "application/x-www-form-urlencoded parsing"). Throws URIError as {@link decodeSegment}, TooManyParameters beyond
 * `limit`.
 */
export function decodeQuery(query: string, limit: number): QueryPair[] {
  const pairs: QueryPair[] = [];
  for (let at = 0; at < query.length;) {
    let end = query.indexOf("&", at);
    if (end < 0) end = query.length;
    if (end > at) {
      if (pairs.length === limit) {
        throw new TooManyParameters(`The query has too many parameters, limit is ${limit}`);
      }
      const pair = query.slice(at, end);
      const equals = pair.indexOf("=");
      const name = equals < 0 ? pair : pair.slice(0, equals);
      pairs.push([
        decodeParameter(name),
        equals < 0 ? "" : decodeParameter(pair.slice(equals + 1)),
      ]);
    }
    at = end + 1;
  }
  return pairs;
}

function decodeParameter(text: string): string {
  return decodeSegment(text.includes("+") ? text.replaceAll("+", " ") : text);
}
