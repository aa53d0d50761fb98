/**
 * A man in the middle on the parent: ends TLS with a key of its own, and passes on what is inside, the documents included.
 *
 * @module
 */

import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { selfSigned } from "../../../src/transport/certs.ts";

/** Listens on a Unix socket and passes connections on to port `port` of a guest. */
export async function startMiddle(path: string, uds: string, port: number) {
  const pair = await selfSigned({ commonName: "attested" });
  let passedOn = 0;
  const server = tls.createServer(
    { ...pair, ALPNProtocols: ["h2"], minVersion: "TLSv1.3" },
    async (client) => {
      client.on("error", () => {});
      const plain = net.connect(uds);
      plain.on("error", () => client.destroy());
      plain.write(`CONNECT ${port}\n`);
      // The answer ends with a line feed, and the guest says nothing before the handshake.
      await once(plain, "data");
      const guest = tls.connect({
        socket: plain,
        rejectUnauthorized: false,
        ALPNProtocols: ["h2"],
      });
      guest.on("error", () => client.destroy());
      guest.on("data", () => passedOn++);
      client.pipe(guest).pipe(client);
    },
  );
  server.listen(path);
  await once(server, "listening");
  return {
    /** Parts of the guest's replies that were passed on. */
    get passedOn() {
      return passedOn;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await Promise.resolve();
    },
  };
}
