import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { transportSuite } from "./suite.ts";

/** A port of this machine without a listener. */
async function freePort(host: string): Promise<string> {
  const listener = await listen(`${host}:0`);
  await listener.close();
  return listener.address;
}

for (const [name, host] of [["tcp", "127.0.0.1"], ["tcp ipv6", "[::1]"]]) {
  transportSuite(name, () => ({
    transport: "tcp",
    listen: () => listen(`${host}:0`),
    dial: (listener, options) => dial(listener.address, options),
    dialWithoutListener: async (options) => await dial(await freePort(host), options),
  }));
}

transportSuite("unix", async () => {
  const dir = await Deno.makeTempDir();
  return {
    transport: "unix",
    listen: () => listen(`unix:${dir}/a.sock`),
    dial: (listener, options) => dial(listener.address, options),
    dialWithoutListener: (options) => dial(`unix:${dir}/missing.sock`, options),
    cleanUp: () => Deno.remove(dir, { recursive: true }),
  };
});

transportSuite("unix-abstract", () => {
  const address = `unix-abstract:vrpc-test-${crypto.randomUUID()}`;
  return {
    transport: "unix",
    listen: () => listen(address),
    dial: (listener, options) => dial(listener.address, options),
    dialWithoutListener: (options) => dial(`${address}-missing`, options),
  };
});

transportSuite("memory", () => {
  const address = `memory:${crypto.randomUUID()}`;
  return {
    transport: "memory",
    listen: () => listen(address),
    dial: (listener, options) => dial(listener.address, options),
    dialWithoutListener: (options) => dial(`${address}-missing`, options),
  };
});

transportSuite(
  "vsock",
  () => ({
    transport: "vsock",
    listen: () => listen("vsock:any:0"),
    dial: (listener, options) => dial(localVsock(listener.address), options),
    async dialWithoutListener(options) {
      const listener = await listen("vsock:any:0");
      await listener.close();
      return await dial(localVsock(listener.address), options);
    },
  }),
  Deno.env.get("VRPC_TEST_VSOCK") === "1"
    ? undefined
    : "VRPC_TEST_VSOCK is not 1: no kernel with vsock loopback",
);

/** The same port on this machine, over CID 1. */
function localVsock(address: string): string {
  return address.replace("vsock:any:", "vsock:1:");
}
