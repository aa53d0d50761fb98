/**
 * Client of vrpc that calls once through the proxy of its environment: prints the size of the reply.
 *
 * @module
 */

import { connect } from "../../../mod.ts";

await using channel = connect(Deno.args[0], { proxy: true });
const reply = await channel.call("/test.Echo/Echo", new Uint8Array(9)).catch((error) => error);
console.log(reply.message ?? reply.length);
