import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../../gateway/test-gateway.js";
import { FakeGateway } from "../fake-gateway.js";
import { bytesOf } from "../test-environment.js";
import { runCommand } from "../run-command.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway();
  await gateway.register("node1", "node2");
});
afterEach(() => gateway.close());

const run = (...argv: string[]) => runCommand(["scan", ...argv, "-e", gateway.url]);
const keysIn = (out: string) => (JSON.parse(out) as { entries: { key: string }[] }).entries.map(({ key }) => key);
const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${String(index).padStart(4, "0")}`);

async function fill(count: number): Promise<void> {
  const lines = keys(count).map((key, index) => `{"key":"${key}","value":${index}.10}\n`);
  const stdin = bytesOf(lines.join(""));
  const { code } = await runCommand(["import", "-", "-e", gateway.url], { overrides: { stdin } });
  expect(code).toBe(0);
}

describe("scan", () => {
  it("lists entries in key order, and prints how to continue", async () => {
    await fill(5);
    const { code, out, err } = await run("--limit", "2");
    expect(code).toBe(0);
    expect(out).toMatch(/^key +version  shard  value\nk0000 +\d+ +\d  0\.10\nk0001 +\d+ +\d  1\.10\n$/);
    const [, cursor = ""] = /continue with --after (\S+)\n$/.exec(err) ?? [];
    const rest = await run("--after", cursor, "--keys-only");
    expect(rest).toEqual({ code: 0, out: "k0002\nk0003\nk0004\n", err: "" });
  });

  it("names its own options when the gateway refuses their values", async () => {
    for (const argv of [
      ["--after", "x"],
      ["--after", "x", "--reverse"],
    ]) {
      const { code, err } = await run(...argv);
      expect(code).toBe(2);
      expect(err).toBe(
        "shardgate: --after is not a cursor returned by a scan (BAD_USER_INPUT). Correct what the message names.\n",
      );
    }
  });

  it("lists entries in descending order, over several pages too", async () => {
    await fill(2100);
    const { out, err } = await run("--reverse", "--keys-only", "--limit", "2050");
    const backwards = keys(2100).toReversed();
    expect(out.trimEnd().split("\n")).toEqual(backwards.slice(0, 2050));
    const [, cursor = ""] = /--after (\S+)\n$/.exec(err) ?? [];
    const rest = await run("--reverse", "-o", "json", "--after", cursor);
    expect(keysIn(rest.out)).toEqual(backwards.slice(2050));
  });

  it("prints one JSON document over several pages, with every digit", async () => {
    await fill(1500);
    const { out, err } = await run("-o", "json", "--limit", "1200");
    expect(keysIn(out)).toEqual(keys(1500).slice(0, 1200));
    expect(out).toContain('"value":1199.10,');
    expect(JSON.parse(out)).toMatchObject({ cursor: expect.any(String), unavailableShards: [] });
    expect(err).toContain((JSON.parse(out) as { cursor: string }).cursor);
  });

  it("prints nothing from an empty store, and succeeds", async () => {
    expect(await run("--prefix", "no")).toEqual({ code: 0, out: "", err: "" });
    const { out } = await run("--prefix", "no", "-o", "json");
    expect(JSON.parse(out)).toEqual({ entries: [], cursor: null, unavailableShards: [] });
  });

  it("lists only keys with the prefix, and in JSON only the keys on request", async () => {
    await fill(12);
    const { out } = await run("--prefix", "k001", "--keys-only", "-o", "json");
    expect(JSON.parse(out)).toEqual({
      entries: [{ key: "k0010" }, { key: "k0011" }],
      cursor: null,
      unavailableShards: [],
    });
  });

  it("refuses an invalid cursor", async () => {
    expect(await run("--after", "bogus")).toMatchObject({ code: 2, out: "" });
  });
});

/** An entry of a plain storage node. */
const unversioned = { version: null, createdAt: null, updatedAt: null, expiresAt: null };

describe("scan of a gateway that lacks shards", () => {
  let fake: FakeGateway;

  beforeEach(async () => {
    fake = new FakeGateway();
    await fake.start();
    const page = (key: string, hasMore: boolean, shards: readonly number[]) => ({
      edges: [{ node: { ...unversioned, key, valueText: "1", shard: { number: 0 } } }],
      pageInfo: { hasMore, cursor: `c-${key}` },
      unavailableShards: shards.map((number) => ({ number })),
    });
    fake.interrupt = ({ number }) => ({
      body: JSON.stringify({ data: { scan: number === 1 ? page("a", true, [9]) : page("b", false, [3, 9]) } }),
    });
  });
  afterEach(() => fake.stop());

  it("prints the entries of the other shards, names the missing ones, and reports unavailability", async () => {
    const { code, out, err } = await runCommand(["scan", "-e", fake.url, "-o", "json"]);
    expect(code).toBe(5);
    expect(keysIn(out)).toEqual(["a", "b"]);
    expect(JSON.parse(out)).toMatchObject({ unavailableShards: [3, 9] });
    expect(err).toContain("entries of shards 3, 9 are missing");
  });

  it("stops requesting pages when the reader of its output has gone", async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
    });
    expect(await runCommand(["scan", "-e", fake.url], { overrides: { stdout } })).toMatchObject({ code: 0, err: "" });
    expect(fake.bodies).toHaveLength(1);
  });
});
