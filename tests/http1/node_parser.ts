/** Parses requests with llhttp, in a process of Node. */

/** What llhttp understood of one request. */
export interface Parsed {
  readonly method: string;
  readonly target: string;
  /** Names in lower case and values in turn, without trailers. */
  readonly fields: readonly string[];
  /** One character per octet. */
  readonly body: string;
}

// process.binding is deprecated, and the only way to the parser without a socket.
const SCRIPT = `
const { HTTPParser } = process.binding("http_parser");
const { methods } = require("node:http");
const order = process.binding("http_parser").methods ?? methods;
const inputs = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const parse = (input) => {
  const found = [];
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 1 << 20);
  let fields = [];
  let url = "";
  parser[HTTPParser.kOnHeaders] = (more, part) => { fields.push(...more); url += part; };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, given, method, target) => {
    const all = given ?? fields;
    fields = [];
    found.push({
      method: order[method], target: target ?? url,
      fields: all.map((text, i) => i % 2 === 0 ? text.toLowerCase() : text), body: "",
    });
    url = "";
    return 0;
  };
  parser[HTTPParser.kOnBody] = (bytes) => { found.at(-1).body += Buffer.from(bytes).toString("latin1"); };
  // Trailers come with the target once more.
  parser[HTTPParser.kOnMessageComplete] = () => { fields = []; url = ""; };
  const result = parser.execute(Buffer.from(input, "base64"));
  if (result instanceof Error) throw result;
  return found;
};
process.stdout.write(JSON.stringify(inputs.map(parse)));
`;

/** Parses each input, which may hold several requests; null when Node is not installed. */
export async function parseWithNode(inputs: readonly Uint8Array[]): Promise<Parsed[][] | null> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("node", {
      args: ["--no-deprecation", "-e", SCRIPT],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const text = JSON.stringify(inputs.map((input) => input.toBase64()));
  const writer = child.stdin.getWriter();
  writer.write(new TextEncoder().encode(text));
  writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
