/**
 * Names, types and sentences of options, as `deno doc` reads them from the sources.
 *
 * @module
 */

const ROOT = new URL("..", import.meta.url).pathname;
const SOURCES = [
  "src/http1/options.ts",
  "src/limits/connection_limits.ts",
  "src/rpc/batch/options.ts",
  "src/rpc/channel/options.ts",
  "src/rpc/fetch/options.ts",
  "src/rpc/http/options.ts",
  "src/rpc/pool/options.ts",
  "src/rpc/server/options.ts",
  "src/rpc/server/web_options.ts",
  "src/transport/tls_options.ts",
  "src/transport/tls_watch.ts",
];

/** An option of an interface. */
export interface Documented {
  readonly name: string;
  /** The type as it is written. */
  readonly type: string;
  /** The docstring on one line. */
  readonly doc: string;
}

interface DocType {
  readonly kind: string;
  readonly repr?: string;
  // deno-lint-ignore no-explicit-any
  readonly value: any;
}

interface DocProperty {
  readonly name: string;
  readonly tsType: DocType;
  readonly jsDoc?: { readonly doc?: string };
}

interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly def: { readonly properties?: readonly DocProperty[]; readonly tsType?: DocType };
  }[];
}

/** Reads the sources; returns the function that lists the options of a type by its name. */
export async function documentedOptions(): Promise<(type: string) => Documented[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...SOURCES],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(`Cannot run deno doc: ${new TextDecoder().decode(stderr)}`);
  const { nodes }: { nodes: Record<string, { symbols: DocSymbol[] }> } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const symbols = Object.values(nodes).flatMap((module) => module.symbols);
  return (type) => {
    const symbol = symbols.find(({ name }) => name === type);
    if (symbol === undefined) throw new Error(`Cannot find the type ${type}`);
    return propertiesOf(symbol).map(({ name, tsType, jsDoc }) => ({
      name,
      type: written(tsType),
      doc: (jsDoc?.doc ?? "").replace(/\s+/g, " ").trim(),
    }));
  };
}

/** The properties of an interface, or those of the object in a union such as `PoolSize`. */
function propertiesOf({ name, declarations: [{ def }] }: DocSymbol): readonly DocProperty[] {
  if (def.properties !== undefined) return def.properties;
  const members: DocType[] = def.tsType?.value ?? [];
  const literal = members.find(({ kind }) => kind === "typeLiteral");
  if (literal === undefined) throw new Error(`Cannot read the type ${name}`);
  return literal.value.properties;
}

function written({ kind, value, repr }: DocType): string {
  switch (kind) {
    case "array":
      return `${written(value)}[]`;
    case "typeOperator":
      return `${value.operator} ${written(value.tsType)}`;
    case "union":
      return value.map(written).join(" | ");
    case "literal":
      return value.kind === "string" ? JSON.stringify(value.string) : repr ?? "";
    default:
      return repr ?? "";
  }
}
