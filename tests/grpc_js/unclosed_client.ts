/**
 * Uses a client of grpc-js that it does not close, as `process_hold_test.ts` asks: `ACTION ADDRESS [CA]`. Ends by itself.
 */

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import * as grpc from "../../src/grpc_js/mod.ts";
import { LettersClient, readAll, send } from "./fixtures.ts";

const [action, address, ca] = process.argv.slice(2);
const secure = () => grpc.credentials.createSsl(Buffer.from(readFileSync(ca)));
const credentials = ca === undefined ? grpc.credentials.createInsecure() : secure();
const client = new LettersClient(address, credentials);
const waiting = new grpc.Metadata({ waitForReady: true });

switch (action) {
  case "call":
    console.log((await send(client, { text: "a" })).reply?.text);
    break;
  case "stream":
    console.log((await readAll(client.scatter({ count: 3 }))).replies.length);
    break;
  case "connect":
    client.waitForReady(Date.now() + 60_000, (error) => console.log(error ?? "ready"));
    break;
  case "wait":
    console.log("waits");
    console.log((await send(client, { text: "b" }, waiting)).reply?.text);
    break;
}
