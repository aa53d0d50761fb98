/**
 * nginx and haproxy in front of a server.
 *
 * @module
 */

import { join } from "node:path";
import { linesOf } from "../../fixtures/processes.ts";

/** Running proxy. */
export interface Proxy extends AsyncDisposable {
  /** Address for clients. */
  address: string;
}

/** nginx with these blocks in its `http` block; `log` are the directives of its log of requests. */
export function nginxFiles(blocks: string, log = "access_log off;"): ProxyFiles {
  return {
    config: `daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {}
http {
  ${log}
  client_max_body_size 0;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
${blocks}}
`,
    args: (folder, config) => ["-p", folder, "-c", config],
  };
}

/** haproxy with this configuration. */
export function haproxyFiles(config: string): ProxyFiles {
  return { config, args: (_folder, file) => ["-db", "-f", file] };
}

/** Files of each proxy in front of `backend`. */
type Proxies = Readonly<Record<string, (port: number, backend: string) => ProxyFiles>>;

/** Proxies in front of gRPC. */
export const PROXIES: Proxies = {
  nginx: (port, backend) =>
    nginxFiles(`  server {
    listen 127.0.0.1:${port} http2;
    location / { grpc_pass grpc://${backend}; }
  }
`),
  haproxy: (port, backend) => haproxyFiles(haproxyConfig(port, backend, " proto h2")),
};

/** The same proxies in front of WebSockets, below the path /vrpc/. */
export const WEBSOCKET_PROXIES: Proxies = {
  // As in docs/browsers.md.
  nginx: (port, backend) =>
    nginxFiles(`  server {
    listen 127.0.0.1:${port};
    location /vrpc/ {
      proxy_pass http://${backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
    }
  }
`),
  haproxy: (port, backend) =>
    haproxyFiles(`${haproxyConfig(port, backend, "")}  timeout tunnel 1h\n`),
};

/**
 * The window of a stream (65,535 bytes by default) must fit the buffer of haproxy (16 KiB): otherwise a bidirectional call
 * that fills both directions can end with haproxy 2.6 reading neither of its connections, each waiting for a WINDOW_UPDATE
 * queued behind DATA.
 */
function haproxyConfig(port: number, backend: string, protocol: string): string {
  return `global
  maxconn 100
  tune.h2.initial-window-size 8192
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend all
  bind 127.0.0.1:${port}${protocol}
  default_backend servers
backend servers
  server one ${backend}${protocol}
`;
}

/** Configuration and command of a proxy. */
export interface ProxyFiles {
  /** Text of the configuration file. */
  config: string;
  /** Command line. */
  args(folder: string, config: string): string[];
  /** Receives each line of standard output. */
  onLine?(line: string): void;
}

/** Finds the path of a program, also in the `sbin` folders. */
export function findProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const folder of [...folders, "/usr/sbin", "/usr/local/sbin"]) {
    const path = join(folder, name);
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Starts a proxy in front of `backend` and waits until it accepts connections. */
export async function startProxy(
  program: string,
  files: (port: number, backend: string) => ProxyFiles,
  backend: string,
): Promise<Proxy> {
  const port = freePort();
  const stop = await startWithFile(program, files(port, backend), "proxy.conf", port);
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

/**
 * Runs a program with its configuration in the file `name` of a temporary folder, until it accepts connections on `port`.
 * Returns what ends it.
 */
export async function startWithFile(
  program: string,
  { config, args, onLine }: ProxyFiles,
  name: string,
  port: number,
): Promise<() => Promise<void>> {
  const folder = await Deno.makeTempDir();
  const file = join(folder, name);
  await Deno.writeTextFile(file, config);
  const child = new Deno.Command(program, {
    args: args(folder, file),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = passLines(child.stdout, onLine ?? (() => {}));
  let ended = false;
  const status = child.status.then((found) => (ended = true, found));
  const complaints = new Response(child.stderr).text();
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await status;
    await Promise.all([output, complaints]);
    await Deno.remove(folder, { recursive: true });
  };
  while (!await accepts(port)) {
    if (ended) {
      const text = await complaints;
      await stop();
      throw new Error(`${program} ended: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return stop;
}

async function passLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  for await (const line of linesOf(stream)) onLine(line);
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Returns a port of 127.0.0.1 that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
