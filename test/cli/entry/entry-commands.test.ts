/** get, put and delete with a whole gateway over storage nodes in memory. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { testAccess } from "../../gateway/access/callers.js";
import { startTestGateway, type TestGateway } from "../../gateway/test-gateway.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand, type CommandRun, type RunOptions } from "../run-command.js";
import { valueInputBytesMax } from "../../../src/cli/entry/entry-argument.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway();
  await gateway.register("node1");
});
afterEach(() => gateway.close());

const run = (argv: readonly string[], options?: RunOptions): Promise<CommandRun> =>
  runCommand([...argv, "-e", gateway.url], options);
const json = async (...argv: string[]): Promise<unknown> => JSON.parse((await run([...argv, "-o", "json"])).out);
const put = (key: string, value: string): Promise<CommandRun> => run(["put", key, value]);

describe("get", () => {
  it("prints the exact bytes of one value, with a line end only on a terminal", async () => {
    const text = '{"b": 1.10,\n"n":12345678901234567890,"é":"\u{1F680}"}';
    await put("k", text);
    expect(await run(["get", "k"])).toEqual({ code: 0, out: text, err: "" });
    expect((await run(["get", "k"], { isTerminal: true })).out).toBe(`${text}\n`);
  });

  it("prints several entries as rows, in the requested order, and reports missing ones", async () => {
    await put("a", "1");
    await put("longer", '{"x":\n[1.10]}');
    const { code, out, err } = await run(["get", "longer", "nope", "a", "nope"]);
    expect(code).toBe(3);
    expect(out.split("\n")).toEqual([
      "key     version  shard  value",
      expect.stringMatching(/^longer {8}\d {6}\d  \{"x":\\u000a\[1\.10\]\}$/),
      expect.stringMatching(/^a {13}\d {6}\d  1$/),
      "",
    ]);
    expect(err).toMatch(/^shardgate: No entry has the key "nope" \(KEY_NOT_FOUND\)\. [^\n]+\n$/);
  });

  it("prints nothing to standard output when no key exists", async () => {
    expect(await run(["get", "nope"])).toMatchObject({ code: 3, out: "" });
    expect(await run(["get", "nope", "no"])).toMatchObject({ code: 3, out: "" });
  });

  it("prints one JSON document with every digit: an object for one key, a list for several", async () => {
    await put("a", "12345678901234567890.10");
    const { out } = await run(["get", "a", "-o", "json"]);
    expect(out).toMatch(/^\{"key":"a","value":12345678901234567890\.10,"version":"1",/);
    expect(JSON.parse(out)).toMatchObject({
      expiresAt: null,
      createdAt: expect.any(String),
      shard: expect.any(Number),
    });
    expect(await json("get", "a", "no")).toEqual([
      expect.objectContaining({ key: "a", version: "1" }),
      { key: "no", code: "KEY_NOT_FOUND", message: 'No entry has the key "no".' },
    ]);
    expect(await json("get", "no")).toMatchObject({ code: "KEY_NOT_FOUND" });
  });

  it("reports unavailability when a key's storage node is down, even if another key does not exist", async () => {
    const fault = new NodeFault("connectionRefused", "node1 refused the connection", true);
    gateway.node("node1").injectFault = () => ({ fault });
    let ended: CommandRun | null = null;
    const running = run(["get", "a", "b"]).then((done) => (ended = done));
    while (ended === null) {
      await gateway.clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await running).toMatchObject({ code: 5, out: "" });
    expect((await running).err.match(/SHARD_UNAVAILABLE/g)).toHaveLength(2);
  });

  it("does not repeat the gateway's advice for a caller who may not see the storage nodes", async () => {
    await gateway.close();
    gateway = await startTestGateway({ access: testAccess() });
    const variables = { SHARDGATE_TOKEN: "writePrefix" };
    const advice = "Try again. If the error persists, check the cluster's storage nodes. (SHARD_UNAVAILABLE)\n";
    expect((await run(["get", "a/1"], { variables })).err).toMatch(/^shardgate: Shard \d+: Try again/);
    expect((await run(["get", "a/1"], { variables })).err).toContain(`: ${advice}`);
    expect((await run(["put", "a/1", "1"], { variables })).err).toContain(`: Nothing was written. ${advice}`);
  });

  it("splits more keys than fit into one request", async () => {
    const keys = Array.from({ length: 1001 }, (_, index) => `k${index}`);
    await put("k0", "0");
    await put("k1000", "1000");
    expect(JSON.parse((await run(["get", "-o", "json", ...keys])).out)).toHaveLength(1001);
    expect((await run(["get", ...keys])).out.match(/\n/g)).toHaveLength(3);
  });

  it.each([[".."], [""], ["a\u0007"]])("refuses the key %j before anything is sent", async (key) => {
    expect(await runCommand(["get", key, "-e", "http://127.0.0.1:1"])).toMatchObject({ code: 2, out: "" });
  });
});

describe("get with values too large for one answer", () => {
  it("splits the keys in half, and gives up at one key", async () => {
    const fake = new FakeGateway();
    await fake.start();
    const entry = (key: string) => ({
      key,
      valueText: "1",
      version: null,
      createdAt: null,
      updatedAt: null,
      expiresAt: null,
      shard: { number: 0 },
    });
    const keysOf = (body: string) => (JSON.parse(body) as { variables: { keys: string[] } }).variables.keys;
    fake.interrupt = ({ body }) =>
      keysOf(body).length > 1 ? "too large" : { body: JSON.stringify({ data: { entries: keysOf(body).map(entry) } }) };
    const keys = ["a", "b", "c"];
    const ended = await runCommand(["get", ...keys, "-e", fake.url, "-o", "json"]);
    expect((JSON.parse(ended.out) as { key: string }[]).map(({ key }) => key)).toEqual(keys);
    expect(fake.bodies.map((body) => keysOf(body).length)).toEqual([3, 2, 1, 1, 1]);
    fake.interrupt = () => "too large";
    expect(await runCommand(["get", "a", "-e", fake.url])).toMatchObject({ code: 1, out: "" });
    await fake.stop();
  });
});

describe("put", () => {
  it("prints what was written, as a row or as JSON", async () => {
    const { code, out } = await put("k", "1");
    expect(code).toBe(0);
    expect(out).toMatch(/^key  version  shard  expires  entry\nk +1 +\d  - +new\n$/);
    const again = await run(["put", "k", "2.50", "-o", "json"]);
    expect(again.out).toMatch(/^\{"key":"k","value":2\.50,"version":"2",.*"isNew":false\}\n$/);
    expect((await put("k", "3")).out).toContain("replaced");
  });

  it("writes the value from standard input unchanged", async () => {
    const text = '{"a":1.10, "b":[\n-0]}';
    expect((await run(["put", "k", "-"], { input: `\uFEFF ${text}\n` })).code).toBe(0);
    expect((await run(["get", "k"])).out).toBe(text);
  });

  it("accepts a negative number as a value", async () => {
    expect((await put("k", "-5")).code).toBe(0);
    expect((await run(["get", "k"])).out).toBe("-5");
  });

  it("sends a time to live", async () => {
    expect(await json("put", "k", "1", "--ttl", "60")).toMatchObject({
      expiresAt: new Date(gateway.clock.nowMs() + 60_000).toISOString(),
    });
  });

  it("accepts the moment at which the entry expires, up to the end of the year 9999", async () => {
    for (const [option, at] of [
      ["2200-01-01T01:00:00+01:00", "2200-01-01T00:00:00.000Z"],
      ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    ] as const) {
      expect(await json("put", "k", "1", "--expires-at", option)).toMatchObject({ expiresAt: at });
    }
  });

  it("accepts a time to live that exceeds the range of the gateway's schema", async () => {
    const nowMs = Date.parse("2026-01-31T12:00:00.000Z");
    const overrides = { clock: new FakeClock(nowMs) };
    const { out } = await run(["put", "k", "1", "--ttl", "5462151399", "-o", "json"], { overrides });
    expect(JSON.parse(out)).toMatchObject({ expiresAt: new Date(nowMs + 5_462_151_399_000).toISOString() });
    const refused = await run(["put", "k", "1", "--ttl", "253402300799"], { overrides });
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("after the year 9999") });
  });

  it("sends conditions, and shows the current entry when one does not hold", async () => {
    await put("k", "1.10");
    for (const condition of [["--if-absent"], ["--if-version", "7"]]) {
      const { code, out, err } = await run(["put", "k", "2", "-o", "json", ...condition]);
      expect(code).toBe(4);
      expect(out).toContain('"current":{"key":"k","value":1.10,"version":"1"');
      expect(err).toMatch(
        /\(VERSION_CONFLICT\)\. Read the entry again with `shardgate get k`, and repeat with --if-version 1\.\n$/,
      );
    }
    for (const condition of [["--if-present"], ["--if-version", "7"]]) {
      const { err } = await run(["put", "new", "2", ...condition]);
      expect(err).toMatch(/\(VERSION_CONFLICT\)\. The key does not exist\. Use --if-absent to create it\.\n$/);
    }
    expect(await json("put", "new", "2", "--if-present")).toMatchObject({ code: "VERSION_CONFLICT", current: null });
    expect((await run(["put", "new", "2", "--if-present"])).out).toBe("");
    expect((await run(["put", "k", "2", "--if-version", "1"])).code).toBe(0);
    expect((await run(["put", "k", "3", "--if-present"])).code).toBe(0);
    expect((await run(["put", "l", "3", "--if-absent"])).code).toBe(0);
  });

  it.each([
    [["hello world"], `a JSON string needs double quotes: '"hello world"'`],
    [['{"a":1,"a":2}'], "twice in one object"],
    [["1", "--ttl", "0"], "whole number from 1"],
    [["1", "--ttl", "253402300800"], "whole number from 1 to 253402300799"],
    [["1", "--expires-at", "tomorrow"], "is not an RFC 3339 timestamp"],
    [["1", "--expires-at", "9999-12-31T23:59:59-01:00"], "after the year 9999"],
    [["1", "--expires-at", "2200-01-01T00:00:00Z", "--ttl", "5"], "cannot be used with option"],
    [["1", "--if-version", "x"], "is not a decimal number"],
    [["1", "--if-absent", "--if-present"], "cannot be used with option"],
    [["1", "--if-version", "1", "--if-present"], "cannot be used with option"],
    [[], "missing required argument 'value'"],
  ])("refuses %j with exit code 2 before anything is sent", async (words, message) => {
    const { code, out, err } = await runCommand(["put", "k", ...words, "-e", "http://127.0.0.1:1"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
  });

  it.each([
    [Uint8Array.of(0x22, 0xff, 0x22), "is not UTF-8"],
    [new Uint8Array(valueInputBytesMax + 1), "is too long"],
    ["hello", "is not JSON"],
  ])("refuses standard input that is not a value", async (input, message) => {
    const { code, err } = await run(["put", "k", "-"], { input });
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).not.toContain("needs double quotes");
  });
});

describe("delete", () => {
  beforeEach(async () => {
    await put("a", "1");
    await put("b", "1");
  });

  it("requires --yes without a terminal", async () => {
    const { code, out, err } = await run(["delete", "a"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(
      /^shardgate: Delete "a" at http[^ ]+\? There is no terminal to ask on; add --yes to confirm\.\n$/,
    );
    expect((await run(["get", "a"])).code).toBe(0);
  });

  it.each(["y\n", "Yes\n", " YES \r\n"])("asks for confirmation, and acts after %j", async (input) => {
    const { code, err } = await run(["delete", "a", "b"], { isTerminal: true, input });
    expect(code).toBe(0);
    expect(err).toMatch(/^Delete 2 entries at http[^ ]+\? \[y\/N\] $/);
    expect((await run(["get", "a"])).code).toBe(3);
  });

  it.each(["\n", "n\n", "yesterday\n", ""])("does nothing after %j", async (input) => {
    const { code, err } = await run(["delete", "a"], { isTerminal: true, input });
    expect(code).toBe(1);
    expect(err).toMatch(/nothing was done\.\n$/);
    expect((await run(["get", "a"])).code).toBe(0);
  });

  it("prints what it deleted, and ends with 3 when a key did not exist", async () => {
    const { code, out, err } = await run(["delete", "a", "nope", "--yes"]);
    expect(code).toBe(3);
    expect(out).toMatch(/^deleted key  version\na +1\n$/);
    expect(err).toContain("KEY_NOT_FOUND");
    expect(await json("delete", "b", "nope", "-y")).toEqual([
      { key: "b", version: expect.any(String) },
      { key: "nope", code: "KEY_NOT_FOUND", message: expect.any(String) },
    ]);
  });

  it("refuses more keys than fit into one request", async () => {
    const keys = Array.from({ length: 1001 }, (_, index) => `k${index}`);
    expect(await run(["delete", "--yes", ...keys])).toMatchObject({ code: 2 });
  });
});
