/**
 * Prepares grpc-js's own tests: a copy of them whose imports of its sources lead to the adapter.
 *
 * @module
 */

import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const ROOT = join(import.meta.dirname!, "../../../..");
const ADAPTER = join(ROOT, "src/grpc_js");

/** Modules of grpc-js's sources that its tests import values from, beside the whole. */
const MODULES = [
  ...["call", "call-credentials", "channel-credentials", "compression-algorithms"],
  ...["connectivity-state", "index", "make-client", "metadata", "server-call"],
  ...["server-credentials", "status-builder", "subchannel", "subchannel-interface"],
  ...["certificate-provider", "channelz"],
];

/** What the tests take from sources that the adapter does not have; their cases fail. */
const ABSENT = `
const absent = (name) => () => { throw new Error(name + " is not supported"); };
export const createCertificateProviderChannelCredentials = absent("certificate providers");
export const createCertificateProviderServerCredentials = absent("certificate providers");
export class FileWatcherCertificateProvider {}
export const EntityTypes = { subchannel: "subchannel" };
ServerCredentials.prototype.updateSecureContextOptions ??= () => {};
ServerCredentials.prototype._tls ??= absent("subclasses of ServerCredentials");
`;

/** Copies the tests below `source` to `target` and returns the path of the folder of tests. */
export async function prepareSuite(source: string, target: string): Promise<string> {
  await Deno.remove(target, { recursive: true }).catch(() => {});
  await Deno.mkdir(join(target, "src"), { recursive: true });
  const adapter = `export * from ${JSON.stringify(join(ADAPTER, "mod.ts"))};
import { ServerCredentials } from ${JSON.stringify(join(ADAPTER, "mod.ts"))};
export {
  CompressionAlgorithms,
  ConnectivityState,
} from ${JSON.stringify(join(ADAPTER, "constants.ts"))};
${ABSENT}`;
  for (const name of MODULES) {
    await Deno.writeTextFile(join(target, "src", `${name}.ts`), adapter);
  }
  const tests = join(target, "test");
  await copyTests(join(source, "packages/grpc-js/test"), tests);
  await writeCertificates(join(tests, "fixtures"));
  await writeConfig(target);
  return tests;
}

async function copyTests(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTests(join(from, name), join(to, name));
    else if (!name.endsWith(".ts")) await Deno.copyFile(join(from, name), join(to, name));
    else {
      const text = await Deno.readTextFile(join(from, name));
      await Deno.writeTextFile(join(to, name), asModule(text));
    }
  }
}

/** Turns a file that TypeScript compiles to CommonJS into a module. */
function asModule(text: string): string {
  const module = text
    .replaceAll("from '../src'", "from '../src/index'")
    .replace(/from '(\.\.?\/[^']+)'/g, "from '$1.ts'")
    .replace(/import \* as (assert|semver|http2|path|os|tls|net) from/g, "import $1 from")
    .replace(
      "import { range } from 'lodash';",
      "import lodash from 'lodash';\nconst { range } = lodash;",
    );
  return `const __dirname = import.meta.dirname!;\n${module}`;
}

/** Replaces the certificates of the tests, whose keys of 1,024 bits OpenSSL refuses. */
async function writeCertificates(folder: string): Promise<void> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const makeKeys = () => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [authority, server] = [await makeKeys(), await makeKeys()];
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=testca",
    keys: authority,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const names = ["*.test.google.fr", "waterzooi.test.google.be", "*.test.youtube.com"];
  const leaf = await x509.X509CertificateGenerator.create({
    subject: "CN=*.test.google.com",
    issuer: ca.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: "dns" as const, value })),
      ),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", server.privateKey);
  await Deno.writeTextFile(join(folder, "ca.pem"), ca.toString("pem"));
  await Deno.writeTextFile(join(folder, "server1.pem"), leaf.toString("pem"));
  await Deno.writeTextFile(
    join(folder, "server1.key"),
    x509.PemConverter.encode(key, "PRIVATE KEY"),
  );
}

async function writeConfig(target: string): Promise<void> {
  const { imports, unstable } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const own = { lodash: "npm:lodash@4", mocha: "npm:mocha@11", semver: "npm:semver@7" };
  const config = { unstable, nodeModulesDir: "none", imports: { ...imports, ...own } };
  await Deno.writeTextFile(join(target, "deno.json"), JSON.stringify(config, null, 2));
}
