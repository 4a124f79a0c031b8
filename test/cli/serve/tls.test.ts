/** Gateway, storage nodes and commands over TLS, as their options make them, inside the test. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Environment } from "../../../src/cli/environment/environment.js";
import { runCli } from "../../../src/cli/program.js";
import { CertificateAuthority, type Certified } from "../../support/certificates.js";
import { eventually, temporaryFolder } from "../../support/processes.js";
import { runCommand } from "../run-command.js";
import { testEnvironment, type TestEnvironment } from "../test-environment.js";

const ca = new CertificateAuthority("Cluster CA");
const stranger = new CertificateAuthority("Another CA");
let folder: ReturnType<typeof temporaryFolder>;
let serving: { readonly environment: TestEnvironment; readonly done: Promise<number> }[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(file("ca.crt"), ca.cert);
  writeFileSync(file("stranger.crt"), stranger.cert);
  write("server", ca.issue());
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const { environment, done } of serving.splice(0).toReversed()) {
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  }
  folder.remove();
});

const file = (name: string): string => join(folder.path, name);
const identity = (name = "server"): readonly string[] => [
  "--tls-cert",
  file(`${name}.crt`),
  "--tls-key",
  file(`${name}.key`),
];
const mutual = (name = "server"): readonly string[] => [...identity(name), "--tls-ca", file("ca.crt")];

function write(name: string, { cert, key }: Certified): void {
  writeFileSync(file(`${name}.crt`), cert);
  writeFileSync(file(`${name}.key`), key);
}

/** Runs a command that serves; resolves to the URL it listens on. */
async function serve(argv: readonly string[], overrides: Partial<Environment> = {}): Promise<string> {
  const environment = testEnvironment(overrides);
  const done = runCli([...argv, "--port", "0"], environment);
  serving.push({ environment, done });
  await eventually(() =>
    expect(environment.written.out + environment.written.err).toMatch(/listening .*\n|shardgate: /),
  );
  expect(environment.written.err).not.toMatch("shardgate: ");
  return environment.written.out.trim().split(" ")[1] ?? "";
}

const gateway = (...argv: readonly string[]): Promise<string> =>
  serve(["gateway", "--registry", "memory", "--shards", "4", ...argv]);
const node = (...argv: readonly string[]): Promise<string> => serve(["node", "--engine", "memory", ...argv]);
const logs = (): string => serving.map(({ environment }) => environment.written.err).join("");

/** Runs a command against the gateway at `url`, believing `caName`. */
const run = (argv: readonly string[], url: string, caName = "ca.crt") =>
  runCommand([...argv, "-e", url, "--tls-ca", file(caName)]);

/** Ends what was started last. */
async function stopLast(): Promise<void> {
  const last = serving.pop();
  last?.environment.send("SIGTERM");
  expect(await last?.done).toBe(0);
}

async function ready(url: string): Promise<void> {
  await eventually(async () => expect(await run(["check"], url)).toMatchObject({ code: 0 }));
}

describe("a cluster over TLS", () => {
  it("serves https, registers and is called with certificates of its CA", async () => {
    const url = await gateway(...mutual());
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const nodeUrl = await node(...mutual(), "--gateway", url);
    expect(nodeUrl).toMatch(/^https:/);
    await ready(url);
    expect((await run(["put", "user123", '{"n":1.50}'], url)).code).toBe(0);
    expect(await run(["get", "user123"], url)).toMatchObject({ code: 0, out: '{"n":1.50}' });
    expect((await run(["node", "ls"], url)).out).toContain(nodeUrl);
    vi.stubEnv("SHARDGATE_TLS_CA", file("ca.crt"));
    expect(await runCommand(["get", "user123", "-e", url])).toMatchObject({ code: 0 });
  });

  it("keeps a certificate for clients apart from that for storage nodes", async () => {
    const publicCa = new CertificateAuthority("Public CA");
    writeFileSync(file("public-ca.crt"), publicCa.cert);
    write("public", publicCa.issue({ hosts: ["127.0.0.1"] }));
    write("inside", ca.issue({ hosts: ["localhost"] }));
    write("node", ca.issue({ hosts: ["127.0.0.1"] }));
    const inside = ["--tls-node-cert", file("inside.crt"), "--tls-node-key", file("inside.key")];
    const url = await gateway(...identity("public"), ...inside, "--tls-ca", file("ca.crt"));
    const byName = url.replace("127.0.0.1", "localhost");
    expect(await run(["status"], url, "public-ca.crt")).toMatchObject({ code: 0 });
    await node(...mutual("node"), "--gateway", byName);
    await eventually(async () => expect(await run(["check"], url, "public-ca.crt")).toMatchObject({ code: 0 }));
  });

  it("lets a gateway without TLS of its own prove itself to storage nodes", async () => {
    const inside = ["--tls-node-cert", file("server.crt"), "--tls-node-key", file("server.key")];
    const url = await gateway(...inside, "--tls-ca", file("ca.crt"));
    expect(url).toMatch(/^http:/);
    const nodeUrl = await node(...mutual());
    expect(await runCommand(["node", "add", "node1", nodeUrl, "-e", url])).toMatchObject({ code: 0 });
    // It was reached, and is no plain storage node.
    expect(logs()).toContain("It serves shards after it has registered itself");
  });

  it("keeps out a gateway without a certificate, or with one of another CA", async () => {
    write("stranger", stranger.issue());
    const nodeUrl = await node(...mutual());
    for (const options of [[], ["--tls-node-cert", file("stranger.crt"), "--tls-node-key", file("stranger.key")]]) {
      const url = await gateway("--tls-ca", file("ca.crt"), ...options);
      expect(await runCommand(["node", "add", "node1", nodeUrl, "-e", url])).toMatchObject({ code: 0 });
      await runCommand(["shard", "assign", "0", "node1", "-e", url]);
      const { code, err } = await runCommand(["put", "k", "1", "-e", url]);
      expect([code, err]).toEqual([5, expect.stringContaining("SHARD_UNAVAILABLE")]);
    }
    expect(logs()).not.toContain("was added by hand");
  });

  it("does not believe a storage node or a gateway of another CA", async () => {
    write("stranger", stranger.issue());
    const nodeUrl = await node(...identity("stranger"));
    const url = await gateway(...mutual());
    await run(["node", "add", "node1", nodeUrl], url);
    await run(["shard", "assign", "0", "node1"], url);
    expect((await run(["node", "ls"], url)).out).not.toContain("UP");
    await node("--id", "n2", ...mutual("server"), "--gateway", await gateway(...identity("stranger")));
    await eventually(() => expect(logs()).toMatch(/"err":\{[^\n]*(UNABLE_TO|SELF_SIGNED|CERT_)/));
  });

  it("calls storage nodes over https only, once it has a CA", async () => {
    const url = await gateway(...mutual());
    const { code, err } = await run(["node", "add", "plain", "http://127.0.0.1:4001"], url);
    expect([code, err]).toEqual([2, expect.stringContaining("does not start with https://")]);
  });
});

describe("a command", () => {
  it.each(["status", "put k 1"])(
    "%s does not believe a gateway of another CA, and says what to do",
    async (command) => {
      const url = await gateway(...identity());
      const { code, err } = await run(command.split(" "), url, "stranger.crt");
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/: no answer from .*; check that --tls-ca is the gateway's CA\n$/),
      ]);
      expect(await runCommand([...command.split(" "), "-e", url])).toMatchObject({ code: 1 });
    },
  );

  it("knows that nothing was sent to a port that speaks no TLS", async () => {
    const url = await gateway();
    const { code, err } = await run(["put", "k", "1"], url.replace("http:", "https:"));
    expect([code, err]).toEqual([5, expect.stringContaining("check that a gateway runs there")]);
  });

  it("does not start with a CA that it cannot use", async () => {
    const { code, err } = await run(["status"], "https://127.0.0.1:1", "none");
    expect([code, err]).toEqual([1, `shardgate: Cannot use ${file("none")}: it does not exist.\n`]);
  });

  it("says how to go on with an import, with the same CA", async () => {
    writeFileSync(file("lines"), "{}\n");
    const { err } = await run(["import", file("lines")], "https://127.0.0.1:1");
    expect(err).toContain(`--endpoint https://127.0.0.1:1/graphql --tls-ca ${file("ca.crt")} --from-line 1`);
  });
});

describe("a server", () => {
  it.each(["gateway", "node"])("%s does not start with certificates that it cannot use", async (command) => {
    write("other", ca.issue());
    const wrong = ["--tls-cert", file("server.crt"), "--tls-key", file("other.key")];
    const { code, err } = await runCommand([command, "--port", "0", "--data", folder.path, ...wrong]);
    expect([code, err]).toEqual([
      1,
      `shardgate: Cannot use ${file("other.key")}: it is not the private key of the certificate in ${file("server.crt")}.\n`,
    ]);
  });
});

describe("a gateway that allows certain storage nodes", () => {
  it("refuses others when they register, and when their names resolve to others later", async () => {
    let address = "127.0.0.1";
    const resolve: Environment["resolve"] = async () => [{ address, family: 4 }];
    const options = ["gateway", "--registry", "memory", "--shards", "4", "--allow-nodes", "127.0.0.0/8"];
    const url = await serve(options, { resolve });
    const add = (name: string, nodeUrl: string) => runCommand(["node", "add", name, nodeUrl, "-e", url]);
    expect((await add("far", "http://10.0.0.1:4001")).err).toContain(
      "names 10.0.0.1, which the gateway does not allow",
    );
    const { port } = new URL(await node());
    expect((await add("near", `http://near.example:${port}`)).code).toBe(0);
    await eventually(async () => expect(await runCommand(["check", "-e", url])).toMatchObject({ code: 0 }));
    await add("moved", `http://moved.example:${port}`);
    address = "169.254.169.254";
    const hostile = /names (evil|moved)\.example, which is at 169\.254\.169\.254, a link-local or metadata address/;
    expect(await add("evil", `http://evil.example:${port}`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(hostile),
    });
    // By force, because the owner may need a new connection to say that it has no data, and gets none.
    expect(await runCommand(["shard", "assign", "2", "moved", "--force", "--yes", "-e", url])).toMatchObject({
      code: 0,
    });
    // The connection of the probe at the registration is still open, and to the address that was judged; a new one is not.
    await stopLast();
    const { code, err } = await runCommand(["put", "user123", "1", "-e", url]);
    expect(err).toMatch(/Shard 2 is unavailable: storage node moved \(.*\) is not called: its URL/);
    expect([code, err]).toEqual([5, expect.stringMatching(hostile)]);
  });
});
