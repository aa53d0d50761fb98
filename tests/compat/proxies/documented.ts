/**
 * Configurations of proxies in the pages of docs/.
 *
 * @module
 */

import { codeBlocks } from "../../documentation/blocks.ts";
import { haproxyFiles, nginxFiles, type ProxyFiles } from "./proxy.ts";

/** Files of a proxy with a configuration of a page, by the language of its code block. */
export const FILES_OF: Readonly<Record<string, (config: string) => ProxyFiles>> = {
  nginx: (config) => nginxFiles(config),
  haproxy: haproxyFiles,
};

/** Returns the first configuration of a page in `language`, with other ports. */
export function configOf(
  page: string,
  language: string,
  ports: Readonly<Record<string, string>>,
): string {
  const text = Deno.readTextFileSync(new URL(`../../../${page}`, import.meta.url));
  const [block] = codeBlocks(page, text).filter((one) => one.language === language);
  return Object.entries(ports).reduce(
    (config, [from, to]) => config.replaceAll(from, to),
    block.text,
  );
}
