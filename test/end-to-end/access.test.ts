/** Access control with real processes, real files and real sockets. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/client/index.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, freePorts, shardgate, temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
const inFolder = (name: string): string => path.join(folder.path, name);
afterAll(() => folder.remove());

function write(name: string, content: string | object): string {
  const file = inFolder(name);
  // Replaced in one step, as programs do that never leave an incomplete file behind.
  writeFileSync(`${file}.new`, typeof content === "string" ? content : JSON.stringify(content));
  renameSync(`${file}.new`, file);
  return file;
}

const secretFile = write("secret", `${randomBytes(32).toString("hex")}\n`);
const wrongSecretFile = write("wrong-secret", `${randomBytes(32).toString("hex")}\n`);
const token = (name: string): string => `${name}-${createHash("sha256").update(name).digest("hex")}`;
const entry = (name: string, ...grants: readonly object[]) => ({
  name,
  sha256: createHash("sha256").update(token(name)).digest("hex"),
  grants,
});
const admin = entry("operator", { role: "admin" });
const ada = entry("ada", { role: "write", prefix: "user/" });
const as = (name: string) => ({ authorization: `Bearer ${token(name)}` });

describe("a server that accepts other hosts", () => {
  it.each([
    [["gateway", "--registry", "memory"], /add --tokens <file>, or .*--insecure/],
    [["node", "--engine", "memory"], /add --cluster-secret-file <file>, or .*--insecure/],
  ])("does not start as %j without authentication", async (command, reason) => {
    const run = shardgate([...command, "--host", "0.0.0.0", "--port", "0"]);
    expect(await run.ended()).toBe(2);
    expect(run.stdout).toBe("");
    expect(run.stderr).toMatch(/^shardgate: [^\n]+\n$/);
    expect(run.stderr).toMatch(reason);
  });

  it("does not start just because of an environment variable", async () => {
    const command = ["gateway", "--registry", "memory", "--host", "0.0.0.0", "--port", "0"];
    for (const value of ["true", "false", ""]) {
      expect(await shardgate(command, { SHARDGATE_INSECURE: value }).ended()).toBe(2);
    }
  });

  it.each([
    [["gateway", "--registry", "memory", "--insecure"], "0.0.0.0"],
    [["gateway", "--registry", "memory", "--tokens", write("opened.json", [admin])], "0.0.0.0"],
    [["node", "--engine", "memory", "--cluster-secret-file", secretFile], "::"],
    [["node", "--engine", "memory"], "localhost"],
  ])("starts as %j on %s", async (command, host) => {
    const run = shardgate([...command, "--host", host, "--port", "0"]);
    await run.prints(/^listening /m);
    expect(await run.stop()).toBe(0);
  });
});

describe("a gateway with an unusable file", () => {
  it.each([
    ["a missing tokens file", ["--tokens", inFolder("none.json")], /Cannot use .*none\.json: it does not exist/],
    ["a broken tokens file", ["--tokens", write("broken.json", "[{")], /Cannot use .*broken\.json: It is not JSON/],
    ["a wrong tokens file", ["--tokens", write("wrong.json", [{ name: "x" }])], /Token 1 needs `sha256`/],
    ["a short secret", ["--cluster-secret-file", write("short", "short")], /Cannot use .*short: .*at least 32/],
    [
      "a key set that is none",
      ["--jwt-issuer", "i", "--jwt-audience", "a", "--jwt-jwks", write("keys.json", "{}")],
      /Cannot use .*keys\.json: It is not a JSON Web Key Set/,
    ],
    ["an audit log in no folder", ["--audit-log", inFolder("no/audit.log")], /Cannot use .*audit\.log/],
  ])("does not start with %s, and prints one line", async (_what, options, reason) => {
    const run = shardgate(["gateway", "--registry", "memory", "--port", "0", "--log-level", "silent", ...options]);
    expect(await run.ended()).toBe(1);
    expect(run.stderr).toMatch(/^shardgate: [^\n]+\n$/);
    expect(run.stderr).toMatch(reason);
  });
});

describe("a cluster with authentication", () => {
  const auditFile = inFolder("audit.log");
  let cluster: ProcessCluster;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;

  beforeAll(async () => {
    keys = await generateKeyPair("EdDSA");
    const jwks = write("jwks.json", { keys: [{ ...(await exportJWK(keys.publicKey)), kid: "first" }] });
    const jwt = ["--jwt-issuer", "https://issuer", "--jwt-audience", "shardgate", "--jwt-jwks", jwks];
    const tokens = write("tokens.json", [admin, ada]);
    cluster = await ProcessCluster.start({
      nodes: 2,
      shards: 8,
      engine: "memory",
      gatewayArgs: ["--tokens", tokens, ...jwt, "--cluster-secret-file", secretFile, "--audit-log", auditFile],
      nodeArgs: ["--cluster-secret-file", secretFile],
    });
  });
  afterAll(() => cluster?.stop());

  const statusOf = async (target: string, init: RequestInit = {}): Promise<number> => {
    const answer = await fetch(cluster.origin + target, init);
    await answer.text();
    return answer.status;
  };

  it("serves each caller what its grants allow", async () => {
    expect(await statusOf("/data/user%2F1", { method: "PUT", body: "1", headers: as("ada") })).toBe(201);
    expect(await statusOf("/data/user%2F1", { headers: as("ada") })).toBe(200);
    expect(await statusOf("/data/other", { headers: as("ada") })).toBe(403);
    expect(await statusOf("/shards", { headers: as("ada") })).toBe(403);
    expect(await statusOf("/shards", { headers: as("operator") })).toBe(200);
    expect(await statusOf("/data/user%2F1")).toBe(401);
    expect(await statusOf("/data/user%2F1", { headers: as("nobody") })).toBe(401);
    expect(await statusOf("/ready")).toBe(200);
  });

  it("applies changes of the tokens file while it runs, and keeps the old tokens when the file is invalid", async () => {
    const bob = entry("bob", { role: "read", prefix: "" });
    write("tokens.json", [admin, ada, bob]);
    await eventually(async () => expect(await statusOf("/shards", { headers: as("bob") })).toBe(200));
    write("tokens.json", "[{");
    await eventually(() => expect(cluster.run("gateway").stderr).toContain("cannot be used"));
    expect(await statusOf("/shards", { headers: as("bob") })).toBe(200);
    write("tokens.json", [admin, ada]);
    await eventually(async () => expect(await statusOf("/shards", { headers: as("bob") })).toBe(401));
    expect(await statusOf("/shards", { headers: as("operator") })).toBe(200);
  });

  it("accepts JSON Web Tokens, and those of the next key as soon as the file has it", async () => {
    const signed = (kid: string, { privateKey }: typeof keys, exp = "5 minutes") =>
      new SignJWT({ shardgate: ["read:user/"] })
        .setProtectedHeader({ alg: "EdDSA", kid })
        .setSubject("eve")
        .setIssuer("https://issuer")
        .setAudience("shardgate")
        .setExpirationTime(exp)
        .sign(privateKey);
    const statusWith = async (jwt: string, target = "/data/user%2F1") =>
      statusOf(target, { headers: { authorization: `Bearer ${jwt}` } });
    expect(await statusWith(await signed("first", keys))).toBe(200);
    expect(await statusWith(await signed("first", keys), "/data/other")).toBe(403);
    expect(await statusWith(await signed("first", keys, "-1 minute"))).toBe(401);
    const next = await generateKeyPair("EdDSA");
    const jwt = await signed("next", next);
    expect(await statusWith(jwt)).toBe(401);
    write("jwks.json", { keys: [{ ...(await exportJWK(next.publicKey)), kid: "next" }] });
    await eventually(async () => expect(await statusWith(jwt)).toBe(200));
    expect(await statusWith(await signed("first", keys))).toBe(401);
  });

  it("lets commands and the client do what their tokens allow", async () => {
    const run = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
      shardgate([...args, "--endpoint", cluster.origin], environment);
    const tokenFile = write("operator-token", `${token("operator")}\n`);
    const status = run(["status", "--token-file", tokenFile, "-o", "json"]);
    expect(await status.ended(), status.stderr).toBe(0);
    expect(await run(["put", "user/2", "2"], { SHARDGATE_TOKEN: token("ada") }).ended()).toBe(0);
    const refused = run(["status"], { SHARDGATE_TOKEN: token("ada") });
    expect(await refused.ended()).toBe(6);
    expect(refused.stderr).toContain("(FORBIDDEN)");
    const unassigned = run(["shard", "assign", "0", "a"], { SHARDGATE_TOKEN: token("ada") });
    expect(await unassigned.ended()).toBe(6);
    expect(unassigned.stderr).toMatch(
      /may not change the cluster; .* \(FORBIDDEN\)\. Ask an operator for the permission/,
    );
    const missing = run(["get", "user/2"]);
    expect(await missing.ended()).toBe(6);
    expect(missing.stderr).toBe(
      "shardgate: This gateway requires a token, and the request carries none (UNAUTHENTICATED). " +
        "Set SHARDGATE_TOKEN, or name a file that has the token with --token-file.\n",
    );
    const wrong = run(["get", "user/2"], { SHARDGATE_TOKEN: token("stranger") });
    expect(await wrong.ended()).toBe(6);
    expect(wrong.stderr).toBe(
      "shardgate: The request's token is not valid (UNAUTHENTICATED). " +
        "The token is from SHARDGATE_TOKEN. It may be mistyped, expired or revoked.\n",
    );

    // A function is called for each request, so that it can supply a new token when the last one has expired.
    const tokens = ["nobody", "ada"];
    const client = createClient({
      endpoint: `${cluster.origin}/graphql`,
      headers: async () => as(tokens.shift() ?? "ada"),
    });
    await expect(client.get("user/2")).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      isRetryable: false,
      status: 401,
    });
    expect(await client.get("user/2")).toMatchObject({ kind: "found", value: 2 });
    expect(await client.put("other", 1)).toMatchObject({ kind: "forbidden" });
  });

  it("writes to the audit log who changed it, or tried to", async () => {
    const change = (name: string) =>
      statusOf("/shards/assign", {
        method: "POST",
        headers: { ...as(name), "content-type": "application/json", "x-request-id": `by-${name}` },
        body: JSON.stringify({ shardId: 0, nodeId: "node2", force: true }),
      });
    expect(await change("ada")).toBe(403);
    expect(await change("operator")).toBe(200);
    const lines = readFileSync(auditFile, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.slice(-2)).toMatchObject([
      { audit: true, action: "assign", by: "ada", requestId: "by-ada", outcome: "FORBIDDEN" },
      { action: "assign", by: "operator", outcome: "DONE", after: { node: "node2" } },
    ]);
    expect(lines.filter(({ action }) => action === "register")).toEqual([]);
  });

  it("refuses callers that bypass its gateway, and storage nodes with another secret", async () => {
    const [nodeOrigin] = cluster.nodeNames.map((name) => cluster.nodeOrigin(name));
    expect((await fetch(`${nodeOrigin}/shards`)).status).toBe(401);
    expect((await fetch(`${nodeOrigin}/shards`, { headers: as("operator") })).status).toBe(401);
    expect((await fetch(`${nodeOrigin}/health`)).status).toBe(200);
    for (const secret of [["--cluster-secret-file", wrongSecretFile], []]) {
      const args = ["node", "--id", "stranger", "--port", "0", "--engine", "memory", "--gateway", cluster.origin];
      const stranger = shardgate([...args, ...secret]);
      onTestFinished(async () => void (await stranger.stop()));
      await eventually(() => expect(stranger.stderr).toContain("UNAUTHENTICATED"));
      await stranger.stop();
    }
    const nodes = await (await fetch(`${cluster.origin}/nodes`, { headers: as("operator") })).text();
    expect(nodes).not.toContain("stranger");
  });

  it("is not accessible for a gateway with another secret", async () => {
    const [port] = await freePorts(1);
    const args = ["gateway", "--port", String(port), "--registry", "memory", "--shards", "8"];
    const gateway = shardgate([...args, "--cluster-secret-file", wrongSecretFile]);
    onTestFinished(async () => void (await gateway.stop()));
    await gateway.prints(/^listening /m);
    const origin = `http://127.0.0.1:${port}`;
    const post = (target: string, body: object) =>
      fetch(origin + target, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const refusal = await post("/nodes", { id: "node1", url: cluster.nodeOrigin("node1") });
    expect([refusal.status, await refusal.text()]).toEqual([409, expect.stringContaining("CLUSTER_MISMATCH")]);
    const answer = await (
      await post("/graphql", {
        query: '{ entries(keys: ["a", "b", "c", "d", "e", "f", "g", "h"]) { ... on Problem { code message } } }',
      })
    ).text();
    expect(answer).toContain("SHARD_UNAVAILABLE");
    expect(answer).not.toContain("KEY_NOT_FOUND");
  });
});
