/**
 * Reads short ASCII text, which is most text in messages. For 20 bytes the runtime's decoder takes 300 ns and more;
 * reading the bytes in code and calling `String.fromCharCode` once takes 30 to 60 ns.
 *
 * @module
 */

/** Reads the text in `n` bytes at `p`, which must be UTF-8. */
export type TextReader = (b: Uint8Array, p: number, n: number) => string;

/** Longest text that is read by code generated for its length, in bytes. */
const MOST_UNROLLED = 28;
const fromCharCode = String.fromCharCode;

/** Returns a function that reads text of up to 32 bytes eight characters at a time, and other text by `long`. */
export function blockText(long: TextReader): TextReader {
  return (b, p, n) => {
    if (n > 32) return long(b, p, n);
    let text = "";
    let i = p;
    const end = p + n;
    for (; i + 8 <= end; i += 8) {
      const c0 = b[i], c1 = b[i + 1], c2 = b[i + 2], c3 = b[i + 3];
      const c4 = b[i + 4], c5 = b[i + 5], c6 = b[i + 6], c7 = b[i + 7];
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7) > 127) return long(b, p, n);
      text += fromCharCode(c0, c1, c2, c3, c4, c5, c6, c7);
    }
    for (; i < end; i++) {
      if (b[i] > 127) return long(b, p, n);
      text += fromCharCode(b[i]);
    }
    return text;
  };
}

/**
 * Returns a function that reads text like {@link blockText}, with code generated for each length up to 28 bytes; throws
 * EvalError where code can't be generated.
 */
export function generateText(long: TextReader): TextReader {
  const cases = Array.from({ length: MOST_UNROLLED }, (_, i) => {
    const n = i + 1;
    const names = Array.from({ length: n }, (_, k) => `c${k}`);
    const reads = names.map((name, k) => `${name}=b[p+${k}]`).join(",");
    return `case ${n}:{const ${reads};if((${names.join("|")})<128)return f(${
      names.join(",")
    });break}`;
  });
  const source = `return function text(b,p,n){switch(n){case 0:return "";${
    cases.join("")
  }}return long(b,p,n)}`;
  return new Function("f", "long", source)(fromCharCode, long);
}
