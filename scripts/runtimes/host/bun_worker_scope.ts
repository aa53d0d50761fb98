/**
 * Gives the scope of a Worker of Bun what that of Deno has.
 *
 * @module
 */

import "./deno.ts";

Object.assign(globalThis, { WorkerGlobalScope: class {} });
