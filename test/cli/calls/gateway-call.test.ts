import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../../support/processes.js";
import { FakeGateway } from "../fake-gateway.js";
import { errorBody, runCommand, type RunOptions } from "../run-command.js";

let gateway: FakeGateway;

beforeEach(async () => {
  gateway = new FakeGateway();
  await gateway.start();
});
afterEach(() => gateway.stop());

const run = (argv: readonly string[], options?: RunOptions) => runCommand([...argv, "-e", gateway.url], options);

/** An address where no server listens any more. */
async function deadUrl(): Promise<string> {
  const gone = new FakeGateway();
  await gone.start();
  const { url } = gone;
  await gone.stop();
  return url;
}

describe("a command that calls a gateway", () => {
  it.each([
    ["KEY_NOT_FOUND", 3],
    ["NODE_NOT_FOUND", 3],
    ["EPOCH_CONFLICT", 4],
    ["REGISTRY_CONFLICT", 4],
    ["OVERLOADED", 5],
    ["TOO_MANY_REQUESTS", 5],
    ["DRAINING", 5],
    ["BAD_USER_INPUT", 2],
    ["FORBIDDEN", 6],
    ["UNAUTHENTICATED", 6],
    ["INTERNAL_SERVER_ERROR", 1],
  ] as const)("ends, when refused with %s, with exit code %i and advice on standard error", async (code, exitCode) => {
    gateway.interrupt = () => ({ body: errorBody(code) });
    const ended = await run(["shard", "ls", "-o", "json"]);
    expect(ended).toMatchObject({ code: exitCode, out: "" });
    expect(ended.err).toMatch(new RegExp(`^shardgate: No \\(${code}\\)\\. [^\\n]+\\n$`));
    expect(gateway.bodies).toHaveLength(1);
  });

  it("treats an unknown code as a failure", async () => {
    gateway.interrupt = () => ({ body: errorBody("NEWER_CODE") });
    expect(await run(["status"])).toEqual({ code: 1, out: "", err: "shardgate: No. (NEWER_CODE)\n" });
  });

  it("reports a problem in REST form, as of a server in front of the gateway", async () => {
    gateway.interrupt = () => ({ status: 503, body: '{"status":503,"code":"DRAINING","detail":"Stops."}' });
    expect(await run(["check"])).toMatchObject({ code: 5 });
  });

  it.each([
    [{ status: 502, body: "<html>" }, 5, "is not JSON (HTTP 502)"],
    [{ status: 200, body: "<html>" }, 1, "check that this is the URL of a gateway"],
    [{ status: 302, body: "{}" }, 1, "is not GraphQL (HTTP 302)"],
  ])("understands %j", async (answer, exitCode, message) => {
    gateway.interrupt = () => answer;
    const ended = await run(["node", "ls"]);
    expect(ended.code).toBe(exitCode);
    expect(ended.err).toContain(message);
  });

  it("reports unavailability when no server listens, for reads and writes alike, and how to name another gateway", async () => {
    const stopped = await deadUrl();
    for (const argv of [
      ["get", "k"],
      ["put", "k", "1"],
      ["node", "rm", "n", "--yes"],
    ]) {
      const { code, err } = await runCommand([...argv, "-e", stopped]);
      expect(code).toBe(5);
      expect(err).toMatch(/ECONNREFUSED.*; check that a gateway runs there, or set another URL with --endpoint\n$/);
    }
  });

  it("asks the next gateway of --endpoint when one cannot be connected to", async () => {
    gateway.interrupt = () => ({ body: '{"data":{"get":null}}' });
    const stopped = await deadUrl();
    const answered = await runCommand(["get", "k", "-e", `${stopped},${gateway.url}`]);
    expect(answered.err).not.toContain("no answer");
    expect(gateway.bodies).toHaveLength(1);
    const { err } = await runCommand(["get", "k", "-e", `${stopped},${stopped}/other`]);
    expect(err).toContain(`no answer from ${stopped}/graphql: `);
    expect(err).toContain(`; no answer from ${stopped}/other/graphql: `);
  });

  it("asks no other gateway what one may have done already", async () => {
    gateway.interrupt = () => "hang up";
    const { code } = await runCommand(["put", "k", "1", "-e", `${gateway.url},${gateway.url}/other`]);
    expect(code).toBe(1);
    expect(gateway.bodies).toHaveLength(1);
  });

  it("reports an unknown outcome when the answer to a write is lost, and does not call that unavailable", async () => {
    gateway.interrupt = () => "hang up";
    const write = await run(["put", "k", "1"]);
    expect(write.code).toBe(1);
    expect(write.err).toContain(". The write may or may not have happened. Read the key with `shardgate get`");
    const read = await run(["get", "k"]);
    expect(read.code).toBe(5);
    expect(read.err).not.toContain("may or may not");
    const change = await run(["shard", "assign", "6", "node2"]);
    expect(change.code).toBe(1);
    expect(change.err).toContain(". The change may or may not have happened. Check with `shardgate status`");
    expect(change.err).not.toMatch(/key|write/);
    expect(gateway.bodies).toHaveLength(3);
  });

  it("gives up after --timeout", async () => {
    gateway.interrupt = () => "never answer";
    const { code, err } = await run(["get", "k", "--timeout", "30"]);
    expect(code).toBe(5);
    expect(err).toMatch("timeout");
  });
});

describe("the token of a command", () => {
  it("is read from the environment and sent with each request as a bearer token", async () => {
    gateway.put("k", "1");
    gateway.put("l", "1");
    const variables = { SHARDGATE_TOKEN: "abc.DEF-1~/+==" };
    expect((await run(["export"], { variables })).code).toBe(0);
    expect(gateway.authorizations).toEqual(["Bearer abc.DEF-1~/+=="]);
  });

  it("is omitted when there is none", async () => {
    await run(["export"], { variables: { SHARDGATE_TOKEN: "" } });
    await run(["export"]);
    expect(gateway.authorizations).toEqual([undefined, undefined]);
  });

  it("is refused, without being shown, when its characters are invalid", async () => {
    const ended = await run(["get", "k"], { variables: { SHARDGATE_TOKEN: "sec\nret" } });
    expect(ended).toEqual({
      code: 2,
      out: "",
      err: "shardgate: The token in SHARDGATE_TOKEN is empty or has characters that are not allowed in a bearer token.\n",
    });
    expect(gateway.bodies).toHaveLength(0);
  });

  it("is read from the file that an option names, before the environment", async () => {
    gateway.put("k", "1");
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    const file = path.join(folder.path, "token");
    writeFileSync(file, "from-file\n");
    const variables = { SHARDGATE_TOKEN: "from-environment" };
    expect((await run(["export", "--token-file", file], { variables })).code).toBe(0);
    expect(gateway.authorizations).toEqual(["Bearer from-file"]);
    writeFileSync(file, "\n");
    expect(await run(["get", "k", "--token-file", file])).toMatchObject({ code: 2 });
    writeFileSync(file, "x".repeat(10_000));
    expect((await run(["get", "k", "--token-file", file])).err).toContain("is longer than");
    expect((await run(["get", "k", "--token-file", `${file}-none`])).err).toContain("it does not exist");
  });

  it("is reported with its source when the gateway refuses it, and with where to set one when there is none", async () => {
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    const file = path.join(folder.path, "token");
    writeFileSync(file, "from-file\n");
    gateway.interrupt = () => ({ status: 401, body: errorBody("UNAUTHENTICATED") });
    const none = "Set SHARDGATE_TOKEN, or name a file that has the token with --token-file.\n";
    const wrong = (source: string) => `The token is from ${source}. It may be mistyped, expired or revoked.\n`;
    for (const argv of [["get", "k"], ["put", "k", "1"], ["shard", "assign", "6", "node2"], ["export"], ["scan"]]) {
      const variables = { SHARDGATE_TOKEN: "from-environment" };
      expect(await run(argv)).toMatchObject({ code: 6, err: expect.stringContaining(none) as string });
      expect(await run(argv, { variables })).toMatchObject({
        code: 6,
        err: expect.stringContaining(wrong("SHARDGATE_TOKEN")) as string,
      });
      expect((await run([...argv, "--token-file", file], { variables })).err).toContain(wrong(file));
    }
    const imported = await run(["import", "-"], { input: '{"key":"k","value":1}' });
    expect(imported).toMatchObject({
      code: 6,
      err: expect.stringContaining(`line 1: No (UNAUTHENTICATED). ${none}`) as string,
    });
  });

  it("is not an option of any command", async () => {
    for (const command of ["get", "put", "import", "status"]) {
      expect((await runCommand([command, "--help"])).out).not.toMatch(/--token(?!-file)/);
    }
  });
});
