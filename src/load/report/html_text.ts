/**
 * Text in HTML.
 *
 * @module
 */

import { printable } from "../../call/printable.ts";

/** Escapes text for content and attributes. */
export function escapeHtml(text: string): string {
  return printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
