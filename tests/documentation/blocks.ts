/**
 * Code blocks of Markdown pages.
 *
 * An info string may go on behind the language:
 *
 * - `file=NAME`: the block is that file of the page's folder;
 * - `background`: the program runs until the end of the page, once it has printed its first line;
 * - `run` (of `sh`): the commands are run;
 * - `output` (of `text`): what the block before it prints.
 *
 * @module
 */

/** A fenced code block. */
export interface Block {
  /** The page's path below the checkout. */
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** Name of the file that the block is, if it has one. */
  readonly file: string | undefined;
  /** The words of the info string that are not `file=NAME`. */
  readonly words: ReadonlySet<string>;
  readonly text: string;
}

/** The code blocks of a page, in order. */
export function codeBlocks(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *)```(\S+)(.*)$/.exec(lines[at]);
    if (fence === null) continue;
    const [, indent, language, info] = fence;
    const line = at + 1;
    const body: string[] = [];
    for (at++; at < lines.length && lines[at].trim() !== "```"; at++) {
      body.push(lines[at].startsWith(indent) ? lines[at].slice(indent.length) : lines[at]);
    }
    const words = info.trim().split(/\s+/).filter((word) => word !== "");
    blocks.push({
      page,
      line,
      language,
      file: words.find((word) => word.startsWith("file="))?.slice("file=".length),
      words: new Set(words.filter((word) => !word.startsWith("file="))),
      text: body.join("\n") + "\n",
    });
  }
  return blocks;
}

/** Name of the file that holds a block of TypeScript. */
export function fileName(block: Block): string {
  return block.file ?? `line_${block.line}.ts`;
}
