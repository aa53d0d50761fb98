/** Measures the bytes that a client sends in a TLS handshake, which attackers do not count. */
export async function handshakeBytes(port: number, ca: string, protocol: string): Promise<number> {
  const hostname = "127.0.0.1";
  using listener = Deno.listen({ hostname, port: 0 });
  let bytes = 0;
  const relayed = (async () => {
    const client = await listener.accept();
    const server = await Deno.connect({ hostname, port });
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
    // Either end may close first.
    await Promise.allSettled([
      client.readable.pipeThrough(counter).pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  })();
  const conn = await Deno.connectTls({
    hostname,
    port: listener.addr.port,
    caCerts: [ca],
    alpnProtocols: [protocol],
  });
  await conn.handshake();
  const sent = bytes;
  conn.close();
  await relayed;
  return sent;
}
