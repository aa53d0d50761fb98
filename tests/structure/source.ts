/**
 * What the rules need to know of a source, read from its syntax tree.
 *
 * @module
 */
import { dirname, join } from "node:path";

/** Paths relative to the root of the checkout, with the text of each file. */
export type Tree = ReadonlyMap<string, string>;

/** A function of a source, from its parameters or its keyword to its closing brace. */
export interface FunctionSize {
  /** Its name; `function` where it has none. */
  readonly name: string;
  /** Line of the source on which it starts, from 1. */
  readonly line: number;
  readonly lines: number;
}

/** What stands in one source, comments and texts aside. */
export interface SourceFacts {
  /** Specifiers of all imports and of `export … from`, those of types and of `import()` included. */
  readonly imports: readonly string[];
  readonly functions: readonly FunctionSize[];
  /** Lines with a `protected` member, from 1. */
  readonly protectedLines: readonly number[];
  /** All identifiers; `object.property` where both are plain names; `async` and `await`. */
  readonly words: ReadonlySet<string>;
}

const known = new Map<string, SourceFacts>();

/** Facts of a source by its text. Runs under `deno test` only, which has the parser of `deno lint`. */
export function factsOf(text: string): SourceFacts {
  let facts = known.get(text);
  if (!facts) {
    facts = read(text);
    known.set(text, facts);
  }
  return facts;
}

function read(text: string): SourceFacts {
  const imports: string[] = [];
  const functions: FunctionSize[] = [];
  const protectedLines: number[] = [];
  const words = new Set<string>();
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const imported = (node: { source?: Literal | null }) => {
    if (typeof node.source?.value === "string") imports.push(node.source.value);
  };
  const measured = (node: FunctionNode) => {
    if (node.async) words.add("async");
    const line = lineAt(node.range[0]);
    functions.push({ name: nameOf(node), line, lines: lineAt(node.range[1]) - line + 1 });
  };
  // By its text: Deno 2.9 leaves out the accessibility of a constructor's parameter.
  const member = ({ range: [start] }: { range: [number, number] }) => {
    if (text.startsWith("protected ", start)) protectedLines.push(lineAt(start));
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: imported,
    ExportNamedDeclaration: imported,
    ExportAllDeclaration: imported,
    ImportExpression: (node) => imported(node as { source: Literal }),
    TSImportType: ({ argument }) => {
      if (argument.type === "TSLiteralType") imported({ source: argument.literal as Literal });
    },
    FunctionDeclaration: measured,
    FunctionExpression: measured,
    ArrowFunctionExpression: measured,
    PropertyDefinition: member,
    MethodDefinition: member,
    TSAbstractPropertyDefinition: member,
    TSAbstractMethodDefinition: member,
    TSParameterProperty: member,
    AwaitExpression: () => void words.add("await"),
    Identifier: (node) => void words.add(node.name),
    MemberExpression: ({ object, property }) => {
      if (object.type === "Identifier" && property.type === "Identifier") {
        words.add(`${object.name}.${property.name}`);
      }
    },
  };
  Deno.lint.runPlugin({ name: "facts", rules: { read: { create: () => visitor } } }, "a.ts", text);
  return { imports, functions, protectedLines, words };
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

function nameOf(node: FunctionNode): string {
  if (node.type === "FunctionDeclaration") return node.id?.name ?? "function";
  const parent = node.parent as { key?: Named; id?: Named };
  const named = parent.key ?? parent.id;
  return (named?.type === "PrivateIdentifier" ? `#${named.name}` : named?.name) ?? "function";
}

interface Literal {
  readonly value?: unknown;
}

interface Named {
  readonly type: string;
  readonly name?: string;
}

/** Path that a relative specifier in the file `from` stands for; undefined for a package. */
export function targetOf(from: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? join(dirname(from), specifier) : undefined;
}

/** All sources and READMEs below `folders` of the checkout at `root`. */
export async function readTree(root: string, folders: readonly string[]): Promise<Tree> {
  const tree = new Map<string, string>();
  const walk = async (folder: string) => {
    for await (const entry of Deno.readDir(join(root, folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (/\.(?:ts|md)$/.test(path)) tree.set(path, await Deno.readTextFile(join(root, path)));
    }
  };
  for (const folder of folders) await walk(folder);
  return new Map([...tree].sort());
}
