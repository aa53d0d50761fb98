/**
 * Hybrid vsock: how programs on a host and in a guest of Firecracker or Cloud Hypervisor reach each other.
 *
 *     deno run -A examples/hybrid_vsock/main.ts
 *
 * The monitor has a Unix socket in place of vsock. Here a few lines play its part, so that no virtual machine is needed:
 * `CONNECT 5000` on that socket leads into the guest, and port 6000 of the host is the socket with the suffix `_6000`.
 *
 * @module
 */

import { connect, serve, textCodec } from "@vrpc/vrpc";

const directory = await Deno.makeTempDir();
const monitorSocket = `${directory}/vm.sock`;
const guestSocket = `${directory}/guest.sock`; // stands for port 5000 in the guest

/** Reads the request line, answers it as a monitor does, and connects both ends. */
async function passOn(host: Deno.UnixConn): Promise<void> {
  let line = "";
  const byte = new Uint8Array(1);
  while (!line.endsWith("\n") && await host.read(byte)) line += String.fromCharCode(byte[0]);
  console.log(`monitor: ${line.trim()}`);
  const guest = await Deno.connect({ transport: "unix", path: guestSocket });
  await host.write(new TextEncoder().encode("OK 1073741824\n"));
  await Promise.allSettled([
    host.readable.pipeTo(guest.writable),
    guest.readable.pipeTo(host.writable),
  ]);
}

const monitor = Deno.listen({ transport: "unix", path: monitorSocket });
const monitoring = (async () => {
  const connections: Promise<void>[] = [];
  for await (const connection of monitor) connections.push(passOn(connection));
  await Promise.all(connections);
})();

{
  const spec = { responseCodec: textCodec };
  // In the guest: vsock:any:5000.
  await using guest = await serve(`unix:${guestSocket}`, (router) => {
    router.method("/hello", spec, () => "hello from the guest");
  });
  // On the host: listens on vm.sock_6000, where the monitor takes the guest's connections to port 6000.
  await using host = await serve(`hvsock:${monitorSocket}:6000`, (router) => {
    router.method("/hello", spec, () => "hello from the host");
  });
  console.log(
    `on the host: ${[...Deno.readDirSync(directory)].map(({ name }) => name).sort().join(" ")}`,
  );

  // From the host into the guest, and from the guest (whose monitor connects vsock:host:6000 to this file) to the host.
  for (const address of [`hvsock:${monitorSocket}:5000`, `unix:${monitorSocket}_6000`]) {
    await using channel = connect(address);
    console.log(new TextDecoder().decode(await channel.call("/hello", new Uint8Array())));
  }
  console.log(`connections of the host's server: ${host.stats().connections.accepted}`);
  console.log(`connections of the guest's server: ${guest.stats().connections.accepted}`);
}
monitor.close();
await monitoring;
await Deno.remove(directory, { recursive: true });
