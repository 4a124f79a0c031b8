import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../src/cli/program.js";
import { shellWord } from "../../../src/cli/environment/shell-word.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeGateway } from "../fake-gateway.js";
import { bytesOf, testEnvironment } from "../test-environment.js";

let gateway: FakeGateway;
let folder: string;

beforeEach(async () => {
  gateway = new FakeGateway();
  await gateway.start();
  folder = await mkdtemp(join(tmpdir(), "shardgate-import-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await gateway.stop();
  await rm(folder, { recursive: true });
});

async function importText(text: string | Uint8Array, ...options: string[]) {
  const environment = testEnvironment({ stdin: bytesOf(text) });
  const code = await runCli(["import", "-", "--endpoint", gateway.url, ...options], environment);
  return { code, out: environment.written.out, err: environment.written.err };
}

function lines(count: number, from = 1): string {
  return Array.from({ length: count }, (_, index) => `{"key":"k${from + index}","value":${from + index}}\n`).join("");
}

function itemCounts(): number[] {
  return gateway.bodies.map((body) => (JSON.parse(body) as { variables: { items: [] } }).variables.items.length);
}

describe("import", () => {
  it("writes every line of a file and prints how many", async () => {
    const path = join(folder, "entries.ndjson");
    await writeFile(path, '\uFEFF{"key":"a","value":1}\r\n\r\n  \n{"key":"b","value":"x","ttlSeconds":60}');
    vi.stubEnv("SHARDGATE_ENDPOINT", `${gateway.url}/graphql/`);
    const environment = testEnvironment();
    expect(await runCli(["import", path], environment)).toBe(0);
    expect(environment.written.err).toMatch(/^imported 2 entries in \d+\.\d s\n$/);
    expect(environment.written.out).toBe("");
    expect([...gateway.entries]).toEqual([
      ["a", { valueText: "1", ttlText: null, expiresAt: null }],
      ["b", { valueText: '"x"', ttlText: "60", expiresAt: null }],
    ]);
    expect([...gateway.contentTypes]).toEqual(["application/json"]);
    expect(environment.handlers.size).toBe(0);
  });

  it("keeps every digit and every character of a value", async () => {
    const values = [
      "123456789012345678901234567890",
      "1.10",
      "-0",
      "1E400",
      '"\\u0000\\ud83d\\ude80é"',
      '{"toJSON":{ "a":0.1 }}',
    ];
    const text = values.map((value, index) => `{"key":"${index}","value":${value}}`).join("\n");
    expect((await importText(text)).code).toBe(0);
    expect([...gateway.entries.values()].map(({ valueText }) => valueText)).toEqual(values);
  });

  it("may retry for as long as necessary, without a warning of Node", async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", note);
    gateway.interrupt = ({ number }) => (number % 4 === 0 ? null : { status: 503, body: "{}" });
    const { code } = await importText(lines(4_500));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect([code, gateway.entries.size]).toEqual([0, 4_500]);
    expect(gateway.bodies.length).toBeGreaterThan(11);
    expect(warnings).toEqual([]);
  });

  it("sends at most 1000 items in a request and a few requests at once", async () => {
    const { code, err } = await importText(lines(6500));
    expect(code).toBe(0);
    expect(err).toMatch("imported 6,500 entries");
    expect(itemCounts().toSorted((a, b) => b - a)).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 500]);
    expect(gateway.inFlightMax).toBeGreaterThan(1);
    expect(gateway.inFlightMax).toBeLessThanOrEqual(4);
    expect(gateway.entries.size).toBe(6500);
  });

  it("bounds the bytes of a request", async () => {
    const value = JSON.stringify("x".repeat(1_000_000));
    const text = Array.from({ length: 6 }, (_, index) => `{"key":"k${index}","value":${value}}`).join("\n");
    expect((await importText(text)).code).toBe(0);
    expect(itemCounts()).toEqual([2, 2, 2]);
  });

  it("lets the later of two lines with the same key win", async () => {
    await importText('{"key":"a","value":1}\n{"key":"b","value":1}\n{"key":"a","value":2}\n{"key":"a","value":3}');
    expect(gateway.entries.get("a")?.valueText).toBe("3");
    expect(itemCounts()).toEqual([2, 1, 1]);
  });

  it("writes the lines before an invalid one, names it and prints how to continue", async () => {
    const { code, err } = await importText(`${lines(3)}{"key":"bad"\n${lines(2, 4)}`);
    expect(code).toBe(1);
    expect(gateway.entries.size).toBe(3);
    expect(err).toMatch(/^imported 3 entries.*\nshardgate: line 4: the line is not JSON/);
    expect(err).toContain(
      `Every line before it was written. To continue: shardgate import - --endpoint ${gateway.url}/graphql --from-line 4\n`,
    );
  });

  it("reports in a JSON document how much is written, even when a line fails", async () => {
    expect((await importText(lines(3), "-o", "json")).out).toBe('{"imported":3,"expired":0,"failedLine":null}\n');
    const { code, out } = await importText(`${lines(2)}no JSON`, "-o", "json");
    expect([code, out]).toEqual([1, '{"imported":2,"expired":0,"failedLine":3}\n']);
  });

  it("counts entries that have expired by the storage node's clock, whatever the local clock is, and continues", async () => {
    const text = [
      '{"key":"passed","value":1,"expiresAt":"2026-01-31T12:00:00Z"}',
      '{"key":"ahead","value":2,"expiresAt":"2026-01-31T12:00:00.001Z"}',
      '{"key":"old","value":3,"expiresAt":"1999-01-01T00:00:00Z"}',
      '{"key":"last","value":4}',
    ].join("\n");
    // By the clock of the importing machine, all of them have passed long ago.
    const clock = new FakeClock(Date.parse("2040-01-01T00:00:00Z"));
    const environment = testEnvironment({ stdin: bytesOf(text), clock });
    expect(await runCli(["import", "-", "-e", gateway.url, "-o", "json"], environment)).toBe(0);
    expect(environment.written.out).toBe('{"imported":2,"expired":2,"failedLine":null}\n');
    expect(environment.written.err).toMatch(/^imported 2 entries.*\n2 entries had expired and were not written\n$/);
    expect([...gateway.entries.keys()]).toEqual(["ahead", "last"]);
    expect(gateway.bodies).toHaveLength(1);
    gateway.nodeNowMs++;
    expect((await importText(text, "--from-line", "2")).err).toContain("2 entries had expired");
    expect((await importText(text, "--from-line", "3")).err).toContain("1 entry had expired and was not written\n");
  });

  it("skips lines before --from-line, even invalid ones", async () => {
    const text = Buffer.concat([Buffer.from(lines(3)), Buffer.from([0xff, 0x0a]), Buffer.from(lines(2, 5))]);
    expect((await importText(text)).err).toContain("line 4: the line is not UTF-8");
    gateway.entries.clear();
    expect((await importText(text, "--from-line", "5")).code).toBe(0);
    expect([...gateway.entries.keys()]).toEqual(["k5", "k6"]);
  });

  it("names a line that is too long", async () => {
    const { code, err } = await importText(`${lines(1)}{"key":"k","value":"${"x".repeat(1_200_000)}"}\n`);
    expect(code).toBe(1);
    expect(err).toContain("line 2: the line is longer than");
  });

  it("names the line whose value the gateway refuses for good, and does not retry it", async () => {
    gateway.refuse = (key) =>
      key === "k2" || key === "k3"
        ? { code: "FORBIDDEN", message: `Key ${key} is not yours.`, isRetryable: false }
        : null;
    const { code, err } = await importText(lines(4));
    expect(code).toBe(6);
    expect(err).toContain("line 2: Key k2 is not yours. (FORBIDDEN)");
    expect(err).toContain("--from-line 2");
    expect(itemCounts()).toEqual([4]);
  });

  it("retries only the items that may still succeed, until they are written", async () => {
    let refusals = 0;
    gateway.refuse = (key) => {
      if (key === "k2" && refusals++ < 2) return { code: "SHARD_UNAVAILABLE", message: "Down.", isRetryable: true };
      if (key === "k3" && refusals++ < 2) return { code: "OUTCOME_UNKNOWN", message: "Lost.", isRetryable: false };
      return null;
    };
    const { code, err } = await importText(lines(4));
    expect(code).toBe(0);
    expect(itemCounts()).toEqual([4, 2]);
    expect(gateway.entries.size).toBe(4);
    expect(err).toMatch(/^trying again: Down\. \(SHARD_UNAVAILABLE\)\nimported 4 entries/);
  });

  it("retries a batch whose answer was lost or overloaded", async () => {
    gateway.interrupt = ({ number }) => {
      if (number === 1) return "hang up";
      if (number === 2) return { status: 503, body: "<html>" };
      if (number === 3) return { status: 503, body: '{"code":"DRAINING","detail":"Stopping."}' };
      if (number === 4)
        return { body: '{"data":null,"errors":[{"message":"Busy.","extensions":{"code":"OVERLOADED"}}]}' };
      return null;
    };
    const { code, err } = await importText(lines(2));
    expect(code).toBe(0);
    expect(gateway.bodies).toHaveLength(5);
    expect(err).toMatch(
      /no answer from http.*\n.*not JSON \(HTTP 503\).*\n.*Stopping\. \(DRAINING\)\n.*Busy\. \(OVERLOADED\)/,
    );
  });

  it.each([
    [
      { status: 404, body: "nothing here" },
      "the answer is not JSON (HTTP 404); check that this is the URL of a gateway",
    ],
    [{ status: 200, body: '{"hello":1}' }, "the answer is not GraphQL (HTTP 200)"],
    [{ status: 200, body: "null" }, "the answer is not GraphQL (HTTP 200)"],
    [{ status: 400, body: '{"errors":[{"message":"Cannot query."}]}' }, "Cannot query."],
    [{ status: 413, body: '{"code":"BODY_TOO_LARGE","detail":"Too long."}' }, "Too long (BODY_TOO_LARGE). Send less"],
    [{ status: 200, body: '{"data":{"putMany":[]}}' }, "the answer has not one result per item"],
    [{ status: 200, body: '{"data":{"putMany":[null]}}' }, "undefined (undefined)"],
  ])("fails at once for the answer %j", async (answer, message) => {
    gateway.interrupt = () => answer;
    const { code, err } = await importText(lines(1));
    expect(code).toBe(1);
    expect(err).toContain(`line 1: ${message}`);
    expect(gateway.bodies).toHaveLength(1);
  });

  it("gives up after a bounded number of attempts and names the first line that is not written", async () => {
    gateway.interrupt = ({ body }) => (body.includes('"k1500"') ? "hang up" : null);
    const { code, err } = await importText(lines(2500));
    expect(code).toBe(5);
    expect(err).toContain("line 1001: no answer from");
    expect(gateway.bodies.filter((body) => body.includes('"k1500"'))).toHaveLength(10);
    gateway.interrupt = () => null;
    expect((await importText(lines(2500), "--from-line", "1001")).code).toBe(0);
    expect(gateway.entries.size).toBe(2500);
  });

  it("waits longer with each attempt, at most five seconds", async () => {
    const clock = new FakeClock();
    gateway.interrupt = ({ number }) => (number <= 8 ? { status: 503, body: "" } : null);
    const environment = testEnvironment({ stdin: bytesOf(lines(1)), clock, random: () => 1 });
    const done = runCli(["import", "-", "-e", gateway.url], environment);
    for (const [index, pauseMs] of [100, 200, 400, 800, 1600, 3200, 5000, 5000].entries()) {
      await vi.waitFor(() => expect([gateway.bodies.length, clock.pendingTimers]).toEqual([index + 1, 1]));
      await clock.advance(pauseMs - 1);
      expect(clock.pendingTimers).toBe(1);
      await clock.advance(1);
    }
    expect(await done).toBe(0);
  });

  it("finishes batches in flight when it is stopped, and prints where to continue", async () => {
    const stdin = new PassThrough();
    const environment = testEnvironment({ stdin });
    const done = runCli(["import", "-", "-e", gateway.url], environment);
    stdin.write(lines(1500));
    await vi.waitFor(() => expect(gateway.bodies).toHaveLength(1));
    environment.send("SIGINT");
    expect(await done).toBe(1);
    expect(gateway.entries.size).toBe(1500);
    expect(environment.written.err).toMatch(/line 1501: the import was stopped before this line[^]*--from-line 1501/);
    expect(environment.handlers.size).toBe(0);
  });

  it("stops retrying when it is stopped", async () => {
    const clock = new FakeClock();
    gateway.interrupt = () => "hang up";
    const environment = testEnvironment({ stdin: bytesOf(lines(2)), clock, random: () => 1 });
    const done = runCli(["import", "-", "-e", gateway.url], environment);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    environment.send("SIGTERM");
    expect(await done).toBe(5);
    expect(gateway.bodies).toHaveLength(2);
    expect(environment.written.err).toContain("line 1: no answer from");
  });

  it("names a file that cannot be read", async () => {
    const environment = testEnvironment();
    expect(await runCli(["import", join(folder, "none")], environment)).toBe(1);
    expect(environment.written.err).toMatch(/^shardgate: Cannot use .*none: it does not exist\.\n$/);
  });

  it("names a folder that is passed instead of a file", async () => {
    const environment = testEnvironment();
    expect(await runCli(["import", folder], environment)).toBe(2);
    expect(environment.written.err).toBe(`shardgate: ${folder} is a folder; name a file, or - for standard input.\n`);
  });

  it.each([
    ["gzip data", gzipSync(lines(3)), "is compressed with gzip. Unpack it first: gunzip -c %s | shardgate import -"],
    [
      "UTF-16 with its low bytes first",
      Buffer.from(`\uFEFF${lines(3)}`, "utf16le"),
      "is UTF-16. Make it UTF-8 first: iconv -f UTF-16 -t UTF-8 %s | shardgate import -",
    ],
    [
      "UTF-16 with its high bytes first",
      Buffer.from(`\uFEFF${lines(3)}`, "utf16le").swap16(),
      "is UTF-16. Make it UTF-8 first: iconv -f UTF-16 -t UTF-8 %s | shardgate import -",
    ],
  ])("names %s, sends nothing, and prints how to convert it to lines", async (_what, bytes, message) => {
    const file = join(folder, "it's");
    await writeFile(file, bytes);
    const environment = testEnvironment();
    expect(await runCli(["import", file, "-e", gateway.url, "--from-line", "2"], environment)).toBe(2);
    const word = shellWord(file);
    expect(environment.written.err).toBe(`shardgate: ${file} ${message.replace("%s", word)}\n`);
    const piped = testEnvironment({ stdin: bytesOf(bytes, 1) });
    expect(await runCli(["import", "-", "-e", gateway.url], piped)).toBe(2);
    expect(piped.written.err).toBe(`shardgate: standard input ${message.replace(" %s", "")}\n`);
    expect(gateway.bodies).toEqual([]);
  });

  it.each(["", "\uFEFF", "\n", "\r\n"])("treats %j as a file without entries", async (text) => {
    expect(await importText(text)).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^imported 0 entries/) as string,
    });
  });

  it.each(['[{"key":"a","value":1}]', "[", '[\n  {\n "key": "a"'])("recognises a JSON array: %j", async (text) => {
    const { code, err } = await importText(text);
    expect(code).toBe(1);
    expect(err).toContain(
      "line 1: the line begins a JSON array; an import needs one object on each line, as `jq -c '.[]'` prints it",
    );
  });

  it("recognises a byte order mark in the middle, as when two files were joined", async () => {
    const { code, err } = await importText(`\uFEFF${lines(2)}\uFEFF${lines(2, 3)}`);
    expect(code).toBe(1);
    expect(err).toContain(
      "line 3: the line has a byte order mark (U+FEFF) before position 1, perhaps from joining files; remove it\n",
    );
    expect(gateway.entries.size).toBe(2);
    expect((await importText('{"key":"a",\uFEFF"value":"\uFEFF"}')).err).toContain("(U+FEFF) before position 12,");
    expect((await importText('{"key":"\uFEFFa","value":"\uFEFF"}')).code).toBe(0);
    expect([...gateway.entries.keys()].at(-1)).toBe("\uFEFFa");
  });

  it("prints where to continue when reading fails in the middle", async () => {
    const stdin = new PassThrough();
    const environment = testEnvironment({ stdin });
    const done = runCli(["import", "-", "-e", gateway.url], environment);
    stdin.write(lines(1500));
    await vi.waitFor(() => expect(gateway.bodies).toHaveLength(1));
    stdin.destroy(Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" }));
    expect(await done).toBe(1);
    expect(environment.written.err).toMatch(/line 1501: EIO: i\/o error, read\n/);
    expect(gateway.entries.size).toBe(1500);
  });

  it("does not report a failed read as an invalid line", async () => {
    const stdin = new PassThrough();
    stdin.destroy(new Error("broken"));
    const environment = testEnvironment({ stdin });
    expect(await runCli(["import", "-", "-e", gateway.url], environment)).toBe(1);
    expect(environment.written.err).toMatch(/^shardgate: Error: broken\n {4}at /);
  });
});
