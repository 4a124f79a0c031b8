import { Writable } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../src/cli/program.js";
import { expiryMsMax } from "../../../src/core/limits.js";
import { FakeClock } from "../../support/fake-clock.js";
import { startTestGateway } from "../../gateway/test-gateway.js";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand } from "../run-command.js";
import { bytesOf, testEnvironment } from "../test-environment.js";

let gateway: FakeGateway;

beforeEach(async () => {
  gateway = new FakeGateway();
  await gateway.start();
});

afterEach(() => gateway.stop());

async function exportAll(...options: string[]) {
  const environment = testEnvironment();
  const code = await runCli(["export", "-e", gateway.url, ...options], environment);
  return { code, out: environment.written.out, err: environment.written.err };
}

function pageSizes(): number[] {
  return gateway.bodies.map((body) => (JSON.parse(body) as { variables: { first: number } }).variables.first);
}

function putMany(count: number, valueText: (index: number) => string): void {
  for (let index = 0; index < count; index++) gateway.put(`k${String(index).padStart(6, "0")}`, valueText(index));
}

describe("export", () => {
  it("writes the entries in key order, with values as they are stored", async () => {
    gateway.put("b", '{"n": 1.10, "s":"a  b"}');
    gateway.put('a"\\', "12345678901234567890123");
    expect(await exportAll()).toEqual({
      code: 0,
      out: '{"key":"a\\"\\\\","value":12345678901234567890123}\n{"key":"b","value":{"n": 1.10, "s":"a  b"}}\n',
      err: expect.stringMatching(/^exported 2 entries in \d+\.\d s\n$/) as string,
    });
  });

  it("puts a value with line breaks on one line", async () => {
    gateway.put("a", '{\r\n  "s": "x\\n  y"\n}');
    expect((await exportAll()).out).toBe('{"key":"a","value":{"s":"x\\n  y"}}\n');
  });

  it("writes an expiry as a moment, even one that has passed", async () => {
    gateway.put("a", "1", "2200-01-01T00:00:00.000Z");
    gateway.put("b", "1", "2001-01-01T00:00:00.001Z");
    gateway.put("c", "1");
    expect((await exportAll()).out).toBe(
      '{"key":"a","value":1,"expiresAt":"2200-01-01T00:00:00.000Z"}\n' +
        '{"key":"b","value":1,"expiresAt":"2001-01-01T00:00:00.001Z"}\n{"key":"c","value":1}\n',
    );
  });

  it("preserves the expiry of every entry when it is imported again, however often and whenever", async () => {
    const moment = fc.integer({ min: gateway.nodeNowMs + 1, max: expiryMsMax });
    const entries = fc.dictionary(fc.stringMatching(/^k[a-z0-9]{1,8}$/), fc.option(moment), { maxKeys: 20 });
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 0, max: 3e12 }), async (expiries, hereMs) => {
        gateway.entries.clear();
        for (const [key, atMs] of Object.entries(expiries))
          gateway.put(key, "1", atMs === null ? null : new Date(atMs).toISOString());
        const before = new Map(gateway.entries);
        for (let round = 0; round < 2; round++) {
          const { out } = await exportAll();
          gateway.entries.clear();
          // Time passes, and the clock of the importing machine differs.
          const environment = testEnvironment({ stdin: bytesOf(out), clock: new FakeClock(hereMs * round) });
          expect(await runCli(["import", "-", "-e", gateway.url], environment)).toBe(0);
        }
        expect(new Map(gateway.entries)).toEqual(before);
      }),
      { numRuns: 30 },
    );
  });

  it("writes a file that import reads back to the same entries", async () => {
    const values = ["1e400", '"\\ud83d\\ude80"', "[ ]", "-0.10", '{"__proto__":null}'];
    for (const [index, value] of values.entries()) gateway.put(`ключ/${index}`, value);
    const before = [...gateway.entries];
    const { out } = await exportAll();
    gateway.entries.clear();
    expect(await runCli(["import", "-", "-e", gateway.url], testEnvironment({ stdin: bytesOf(out) }))).toBe(0);
    expect([...gateway.entries]).toEqual(before);
  });

  it("restores an entry that expires in 2200 through a whole gateway, with the same moment", async () => {
    const whole = await startTestGateway();
    await whole.register("node1");
    const run = (argv: readonly string[], input = "") => runCommand([...argv, "-e", whole.url], { input });
    const expiresAt = "2200-01-01T00:00:00.000Z";
    await run(["put", "k", "1.50", "--expires-at", expiresAt]);
    const { out } = await run(["export"]);
    expect(out).toBe(`{"key":"k","value":1.50,"expiresAt":"${expiresAt}"}\n`);
    await run(["delete", "k", "--yes"]);
    // Time passes at the storage node.
    await whole.clock.advance(86_400_000);
    expect(await run(["import", "-"], out)).toMatchObject({ code: 0 });
    expect(JSON.parse((await run(["get", "k", "-o", "json"])).out)).toMatchObject({ key: "k", expiresAt });
    const passed = '{"key":"gone","value":1,"expiresAt":"2026-01-31T12:00:00Z"}\n';
    const imported = await run(["import", "-"], passed);
    expect(imported).toMatchObject({ code: 0, err: expect.stringContaining("1 entry had expired") });
    expect(await run(["put", "gone", "1", "--expires-at", "2026-01-31T12:00:00Z"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("EXPIRY_PASSED"),
    });
    await whole.close();
  });

  it("writes nothing from an empty store", async () => {
    expect(await exportAll()).toMatchObject({
      code: 0,
      out: "",
      err: expect.stringMatching("exported 0 entries") as string,
    });
  });

  it("writes only keys with the prefix", async () => {
    for (const key of ["a/1", "a/2", "b/1"]) gateway.put(key, "1");
    expect((await exportAll("--prefix", "a/")).out).toBe('{"key":"a/1","value":1}\n{"key":"a/2","value":1}\n');
  });

  it("requests larger pages as long as values are small, and writes each entry once", async () => {
    putMany(3000, String);
    const { out } = await exportAll();
    expect(new Set(out.trimEnd().split("\n")).size).toBe(3000);
    expect(pageSizes()).toEqual([16, 64, 256, 1000, 1000, 1000]);
  });

  it("requests smaller pages when values are large", async () => {
    const large = JSON.stringify("x".repeat(500_000));
    putMany(40, () => large);
    expect((await exportAll()).err).toMatch("exported 40 entries");
    expect(pageSizes()[0]).toBe(16);
    expect(pageSizes().slice(1)).toEqual([8, 8, 8]);
  });

  it("requests a smaller page when an answer is too large", async () => {
    putMany(3, String);
    gateway.interrupt = ({ number }) => (number === 1 ? "too large" : null);
    expect((await exportAll()).code).toBe(0);
    expect(pageSizes()).toEqual([16, 8]);
  });

  it("gives up when a single entry exceeds an answer", async () => {
    gateway.interrupt = () => "too large";
    const { code, err } = await exportAll();
    expect(code).toBe(1);
    expect(err).toBe("shardgate: the export is not complete: the answer is too large\n");
    expect(pageSizes()).toEqual([16, 8, 4, 2, 1]);
  });

  it("requests a page again that lacks shards or got no answer", async () => {
    putMany(2, String);
    gateway.interrupt = ({ number }) => (number === 1 ? "hang up" : null);
    gateway.unavailableShards = () => (gateway.bodies.length < 4 ? [7] : []);
    const { code, err } = await exportAll();
    expect(code).toBe(0);
    expect(gateway.bodies).toHaveLength(4);
    expect(err).toMatch(/^trying again: no answer from .*\ntrying again: shard 7 cannot be read\nexported 2 entries/);
  });

  it("writes the available entries when shards stay unavailable, waits for those once, and fails", async () => {
    putMany(100, String);
    gateway.unavailableShards = () => [9, 3];
    const { code, out, err } = await exportAll();
    expect(code).toBe(5);
    expect(out.trimEnd().split("\n")).toHaveLength(100);
    expect(err).toMatch(
      /shardgate: entries of shards 3, 9 are missing, because they cannot be read now; `shardgate status` shows why\n$/,
    );
    expect(gateway.bodies).toHaveLength(12);
  });

  it.each([
    [
      { body: '{"errors":[{"message":"No.","extensions":{"code":"FORBIDDEN"}}]}' },
      "No (FORBIDDEN). Ask an operator",
      1,
      6,
    ],
    [{ body: '{"data":{"scan":null}}' }, "the gateway returned no page", 1, 1],
    [{ status: 500, body: "" }, "the answer is not JSON (HTTP 500)", 10, 5],
  ])("fails after %j", async (answer, message, attempts, exitCode) => {
    gateway.interrupt = () => answer;
    const { code, err } = await exportAll();
    expect(code).toBe(exitCode);
    expect(err).toContain(`the export is not complete: ${message}`);
    expect(gateway.bodies).toHaveLength(attempts);
  });

  it("reports why a host with several addresses does not answer", async () => {
    const { port } = new URL(gateway.url);
    await gateway.stop();
    const environment = testEnvironment();
    expect(await runCli(["export", "-e", `http://localhost:${port}`], environment)).toBe(5);
    expect(environment.written.err).toMatch(
      `the export is not complete: no answer from http://localhost:${port}/graphql: `,
    );
    expect(environment.written.err).toMatch("ECONNREFUSED");
  });

  it("writes one JSON document of all entries", async () => {
    expect((await exportAll("-o", "json")).out).toBe("[]\n");
    putMany(20, (index) => `${index}.10`);
    const { out } = await exportAll("-o", "json");
    expect(JSON.parse(out)).toHaveLength(20);
    expect(out).toContain('{"key":"');
    expect(out).toContain('"value":7.10}');
  });

  it("requests the next page only when the last one has been written", async () => {
    putMany(500, String);
    const waiting: (() => void)[] = [];
    const stdout = new Writable({ write: (_chunk, _encoding, done) => void waiting.push(done) });
    const done = runCli(["export", "-e", gateway.url], testEnvironment({ stdout }));
    for (let page = 1; page <= 4; page++) {
      await vi.waitFor(() => expect(waiting).toHaveLength(page));
      expect(gateway.bodies).toHaveLength(page);
      waiting[page - 1]?.();
    }
    expect(await done).toBe(0);
  });

  it("ends without an error when the reader of its output has gone", async () => {
    putMany(500, String);
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
    });
    const environment = testEnvironment({ stdout });
    expect(await runCli(["export", "-e", gateway.url], environment)).toBe(0);
    expect(environment.written.err).toBe("");
    expect(gateway.bodies).toHaveLength(1);
    expect(await runCli(["export", "-e", gateway.url], environment)).toBe(0);
  });

  it("fails when standard output cannot be written", async () => {
    gateway.put("a", "1");
    const stdout = new Writable({
      write: (_chunk, _encoding, done) =>
        done(Object.assign(new Error("ENOSPC: no space left, write"), { code: "ENOSPC" })),
    });
    const environment = testEnvironment({ stdout });
    expect(await runCli(["export", "-e", gateway.url], environment)).toBe(1);
    expect(environment.written.err).toBe("shardgate: ENOSPC: no space left, write\n");
  });
});
