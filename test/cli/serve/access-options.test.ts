import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openGatewayAccess, type AccessOptions } from "../../../src/cli/serve/access-options.js";
import { openAuditLog } from "../../../src/cli/serve/telemetry/pino-log.js";
import type { ClusterTokens } from "../../../src/wire/cluster-token.js";
import { FakeClock } from "../../support/fake-clock.js";
import { temporaryFolder } from "../../support/processes.js";
import { RecordLog } from "../../support/record-log.js";

let folder: ReturnType<typeof temporaryFolder>;
let log: RecordLog;
let closers: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  log = new RecordLog();
});
afterEach(async () => {
  for (const close of closers) await close();
  closers = [];
  folder.remove();
});

const inFolder = (name: string): string => path.join(folder.path, name);

function write(name: string, content: object): string {
  writeFileSync(inFolder(name), JSON.stringify(content));
  return inFolder(name);
}

async function open(options: AccessOptions, cluster: ClusterTokens | null = null) {
  const { access, close } = await openGatewayAccess(options, cluster, { clock: new FakeClock(), log });
  closers.push(close);
  const ask = async (token?: string) =>
    (await access.callerOf({ headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }))?.name ?? null;
  return { access, ask };
}

const sha256 = createHash("sha256").update("t").digest("hex");
const tokens = () => write("tokens.json", [{ name: "ada", sha256, grants: [] }]);
const jwt = { jwtIssuer: "i", jwtAudience: "a" };

describe("the access of a gateway", () => {
  it("is open when no option says otherwise", async () => {
    const { access, ask } = await open({});
    expect([access.isOpen, access.areNodesProven, await ask(), await ask("t")]).toEqual([
      true,
      false,
      "anyone",
      "anyone",
    ]);
  });

  it("knows the tokens of the file", async () => {
    const { access, ask } = await open({ tokens: tokens() });
    expect([access.isOpen, await ask(), await ask("t"), await ask("x")]).toEqual([false, null, "ada", null]);
  });

  it("knows storage nodes by the secret, also where clients are not asked", async () => {
    const { access, ask } = await open({}, { gatewayToken: "g", nodeToken: "n", peerToken: "p" });
    expect([access.isOpen, access.areNodesProven]).toEqual([true, true]);
    expect([await ask(), await ask("n"), await ask("g")]).toEqual(["anyone", "storage-node", null]);
  });

  it("knows the tokens that are signed with a key of the file, beside the others", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    const jwtJwks = write("keys.json", { keys: [await exportJWK(publicKey)] });
    const { ask } = await open(
      { ...jwt, jwtJwks, tokens: tokens() },
      { gatewayToken: "g", nodeToken: "n", peerToken: "p" },
    );
    const token = await new SignJWT({ sub: "eve", iss: "i", aud: "a", exp: 4e9 })
      .setProtectedHeader({ alg: "RS256" })
      .sign(privateKey);
    expect([await ask(token), await ask("t"), await ask("n")]).toEqual(["eve", "ada", "storage-node"]);
  });

  it("fetches the keys behind a URL only when a token comes", async () => {
    const { ask } = await open({ ...jwt, jwtJwks: "http://127.0.0.1:1/keys" });
    expect(log.lines).toEqual([]);
    expect(await ask("a.b.c")).toBeNull();
  });

  it("cannot be had with a file that is wrong, and leaves nothing open", async () => {
    await expect(open({ tokens: tokens(), ...jwt, jwtJwks: write("keys.json", {}) })).rejects.toThrow(
      /^Cannot use .*keys\.json: It is not a JSON Web Key Set/,
    );
    await expect(open({ tokens: inFolder("none") })).rejects.toThrow("ENOENT");
  });

  it("has an audit log of its own, or lines in the log", async () => {
    const record = { action: "remove", by: "ada", requestId: "1", asked: {}, before: null, after: null } as const;
    const auditLog = inFolder("audit.log");
    for (const options of [{ auditLog }, {}, { auditLog }]) {
      const { access } = await open(options);
      access.audit({ ...record, outcome: "DONE" });
    }
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]?.facts).toMatchObject({ audit: true, by: "ada" });
    const lines = readFileSync(auditLog, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { audit: true, by: "ada", action: "remove", name: "audit" },
      { audit: true, by: "ada" },
    ]);
    expect(statSync(auditLog).mode & 0o077).toBe(0);
  });
});

describe("an audit log", () => {
  it("that can no longer be written is logged, and stops nothing", () => {
    const { log: audit, close } = openAuditLog("/dev/full", log);
    audit.info({}, "A line.");
    close();
    expect(log.lines.map(({ message }) => message)).toContain("The audit log cannot be written.");
  });
});
