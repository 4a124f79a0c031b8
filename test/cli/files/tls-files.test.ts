import { generateKeyPairSync } from "node:crypto";
import { rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failureText } from "../../../src/cli/terminal/command-failure.js";
import { readCa, TlsFiles, type TlsPaths, tlsFilesPollMs, tlsFileBytesMax } from "../../../src/cli/files/tls-files.js";
import { CertificateAuthority, type Certified } from "../../support/certificates.js";
import { FakeClock } from "../../support/fake-clock.js";
import { temporaryFolder } from "../../support/processes.js";
import { RecordLog } from "../../support/record-log.js";

const ca = new CertificateAuthority();
const first = ca.issue();
const second = ca.issue();
let folder: ReturnType<typeof temporaryFolder>;
let clock: FakeClock;
let log: RecordLog;
let opened: TlsFiles[];

beforeEach(() => {
  folder = temporaryFolder();
  clock = new FakeClock();
  log = new RecordLog();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((files) => files.close()));
  folder.remove();
});

const place = (name: string): string => join(folder.path, name);

async function write(name: string, { cert, key }: Certified): Promise<{ readonly cert: string; readonly key: string }> {
  const paths = { cert: place(`${name}.crt`), key: place(`${name}.key`) };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key);
  return paths;
}

async function open(paths: Partial<TlsPaths>): Promise<TlsFiles> {
  const files = await TlsFiles.open({ paths: { server: null, cluster: null, clusterCa: null, ...paths }, clock, log });
  opened.push(files);
  return files;
}

/**
 * Files are read in real time while the clock does not advance; each time it does, they have been checked once more.
 */
async function looks(count: number): Promise<void> {
  for (let look = 0; look < count; look++) {
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    await clock.advance(tlsFilesPollMs);
  }
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(() => "Not refused.", failureText);
}

const errors = (): readonly unknown[] =>
  log.lines.filter(({ level }) => level === "error").map(({ facts }) => facts["problem"]);

describe("TlsFiles", () => {
  it("has no material, and checks nothing, without files", async () => {
    const files = await open({});
    expect(files.current).toEqual({ server: null, cluster: null, clusterCa: null });
    expect([clock.pendingTimers, log.lines]).toEqual([0, []]);
  });

  it("reads a certificate that both sides share once, and logs its names and its expiry", async () => {
    const server = await write("a", first);
    await writeFile(place("ca.crt"), `A comment.\n${ca.cert}`);
    const { current } = await open({ server, cluster: server, clusterCa: place("ca.crt") });
    expect(current.server).toEqual(first);
    expect(current.cluster).toBe(current.server);
    expect(current.clusterCa).toContain(ca.cert);
    const facts = { for: "IP Address:127.0.0.1, DNS:localhost", until: "2120-01-01T00:00:00.000Z" };
    expect(log.lines).toEqual([{ level: "info", facts, message: "TLS certificates were loaded." }]);
  });

  it("loads new files, calls its listeners once, and stops checking when it is closed", async () => {
    const [server, cluster] = [await write("a", first), await write("b", first)];
    const files = await open({ server, cluster });
    const seen: unknown[] = [];
    const end = files.onRenewal(() => seen.push(files.current));
    const before = files.current;
    await looks(2);
    expect(files.current).toBe(before);
    await write("b", second);
    await looks(2);
    expect(files.current).toEqual({ server: first, cluster: second, clusterCa: null });
    expect(seen).toEqual([files.current]);
    expect(log.lines.at(-1)).toMatchObject({ level: "info", message: "Renewed TLS certificates were loaded." });
    end();
    await write("a", second);
    await looks(1);
    expect([files.current.server, seen.length]).toEqual([second, 1]);
    await files.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("follows links that are replaced, and a CA that is replaced", async () => {
    const other = new CertificateAuthority();
    await writeFile(place("1"), ca.cert);
    await writeFile(place("2"), other.cert);
    await symlink(place("1"), place("ca"));
    const files = await open({ clusterCa: place("ca") });
    await rm(place("ca"));
    await symlink(place("2"), place("ca"));
    await looks(1);
    expect(files.current.clusterCa).toBe(other.cert);
  });

  it("waits for the second file of a pair without a warning", async () => {
    const server = await write("a", first);
    const files = await open({ server });
    await looks(1);
    await writeFile(server.cert, second.cert);
    await looks(1);
    expect(files.current.server).toEqual(first);
    await writeFile(server.key, second.key);
    await looks(1);
    expect(files.current.server).toEqual(second);
    expect(errors()).toEqual([]);
  });

  it("keeps its material when new files are invalid, and reports each problem once", async () => {
    const server = await write("a", first);
    const files = await open({ server });
    await writeFile(server.cert, "broken");
    await looks(4);
    const broken = `Cannot use ${server.cert}: it contains no PEM certificate.`;
    expect(errors()).toEqual([broken]);
    await rm(server.cert);
    await looks(4);
    expect(errors()).toEqual([broken, `Cannot use ${server.cert}: it does not exist.`]);
    await writeFile(server.cert, ca.issue({ hosts: ["a"], validTo: "20250101000000Z" }).cert);
    await looks(3);
    expect(errors().at(-1)).toContain("its certificate expired at 2025-01-01T00:00:00.000Z");
    expect(files.current.server).toEqual(first);
    await write("a", second);
    await looks(1);
    expect(files.current.server).toEqual(second);
  });

  it("keeps a certificate that expires while it is in use, which clients judge for themselves", async () => {
    const server = await write("a", ca.issue({ hosts: ["a"], validTo: "20260131120100Z" }));
    const files = await open({ server });
    const { current } = files;
    clock.jumpWall(3_600_000);
    await looks(3);
    expect([files.current === current, errors()]).toEqual([true, []]);
  });

  it.each([
    ["crt", "", "it contains no PEM certificate"],
    ["crt", first.key, "it contains no PEM certificate"],
    ["crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it contains no PEM certificate"],
    ["crt", "x".repeat(tlsFileBytesMax + 1), `it is longer than ${tlsFileBytesMax} bytes`],
    ["crt", ca.issue({ validTo: "20251231000000Z" }).cert, "its certificate expired at 2025-12-31T00:00:00.000Z"],
    [
      "crt",
      ca.issue({ validFrom: "20270101000000Z" }).cert,
      "its certificate is not valid before 2027-01-01T00:00:00.000Z",
    ],
    ["crt", `${first.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, "error:"],
    ["key", "", "it contains no PEM private key"],
    ["key", first.cert, "it contains no PEM private key"],
    ["key", encryptedKey(), "its private key is encrypted; use an unencrypted key"],
    ["key", second.key, "it is not the private key of the certificate in CRT"],
  ])("refuses a %s of %#, and names the file", async (kind, text, problem) => {
    const server = await write("a", first);
    const file = kind === "crt" ? server.cert : server.key;
    await writeFile(file, text);
    const told = await refusal(open({ server }));
    expect(told.startsWith(`Cannot use ${file}: ${problem.replace("CRT", server.cert)}`)).toBe(true);
    expect(told).not.toContain("\n");
  });

  it("refuses paths that do not exist or are not files", async () => {
    const server = await write("a", first);
    const missing = { ...server, key: place("none") };
    expect(await refusal(open({ server: missing }))).toBe(`Cannot use ${place("none")}: it does not exist.`);
    expect(await refusal(open({ clusterCa: folder.path }))).toBe(`Cannot use ${folder.path}: it is a folder.`);
  });
});

describe("readCa", () => {
  const caWith = (validTo: string): string => new CertificateAuthority("CA", { validTo }).cert;
  const ofYesterday = caWith("20260130000000Z");

  it("accepts several certificates, of which some may have expired", async () => {
    await writeFile(place("ca"), ofYesterday + ca.cert);
    expect(await readCa(place("ca"), clock.nowMs())).toBe(ofYesterday + ca.cert);
  });

  it.each([
    ["nothing", "it contains no PEM certificate"],
    [ofYesterday, "its CA has expired"],
    [`${ca.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`, "it contains no PEM certificate"],
  ])("refuses a file without a CA, %#", async (text, problem) => {
    await writeFile(place("ca"), text);
    expect(await refusal(readCa(place("ca"), clock.nowMs()))).toBe(`Cannot use ${place("ca")}: ${problem}.`);
  });
});

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" });
  return pem.toString();
}
