/** `shardgate node verify` with real data folders, intact and damaged ones. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lockFolder } from "../../../src/cli/files/file-lock.js";
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { parseJsonText } from "../../../src/core/text/json-text.js";
import { parseKey } from "../../../src/core/key.js";
import { parseShard } from "../../../src/core/shard.js";
import * as verify from "../../../src/storage/lmdb/check/verify.js";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { temporaryFolder } from "../../support/processes.js";
import { runCommand, type CommandRun } from "../run-command.js";

vi.mock("../../../src/storage/lmdb/check/verify.js", { spy: true });

let data: ReturnType<typeof temporaryFolder>;
/** The folder of the storage node node1. */
let folder: string;

beforeEach(async () => {
  data = temporaryFolder();
  folder = path.join(data.path, "node1");
  const shard = parseShard(2);
  const engine = await LmdbEngine.open(folder);
  await engine.changeState(() => ({ claims: [{ kind: "claim", shard, epoch: 1, lineage: 0, sealedFor: null }] }));
  const put = { kind: "put" as const, shard, expiry: null, condition: null };
  const operations = Array.from({ length: 50 }, (_, index) => ({
    epoch: null,
    operation: { ...put, key: parseKey(`key${index}`), value: parseJsonText(`"value ${index}"`) },
  }));
  await engine.write(operations, Date.parse("2026-01-31T12:00:00.000Z"));
  await engine.close();
});
afterEach(() => {
  vi.mocked(verify.verifyLmdbFolder).mockReset();
  data.remove();
});

const run = (...options: string[]): Promise<CommandRun> =>
  runCommand(["node", "verify", "--id", "node1", "--data", data.path, ...options]);

describe("node verify", () => {
  it("counts the content of an intact folder, and succeeds", async () => {
    const { code, out, err } = await run();
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^folder {6}\S+node1\nshards {6}1\nentries {5}50\ntombstones {2}0\nbytes {7}\d+\nproblems {4}0\n$/,
    );
    expect(JSON.parse((await run("-o", "json")).out)).toMatchObject({
      folder,
      entries: 50,
      problems: [],
      problemCount: 0,
    });
  });

  it("names the key of a damaged value, and fails", async () => {
    const file = path.join(folder, "data.mdb");
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf("value 17"); at >= 0; at = bytes.indexOf("value 17", at + 1)) bytes[at] = 0x56;
    writeFileSync(file, bytes);
    const { code, out, err } = await run();
    expect(code).toBe(1);
    expect(out).toMatch(/\nproblems {4}[1-9]\d*\n\n/);
    expect(out).toMatch(/\n\nshard 2\b.* key "key17"/);
    expect(err).toMatch(/^shardgate: [1-9]\d* problems? found in \S+node1\.\n$/);
    const report = JSON.parse((await run("-o", "json")).out) as verify.FolderReport;
    expect(report.problems[0]).toMatchObject({ shard: 2, what: expect.stringContaining("checksum") });
  });

  it("prints how many further problems there are, and which concern the folder or a shard as a whole", async () => {
    const problems = [
      { shard: null, key: null, what: "One." },
      { shard: parseShard(2), key: null, what: "Two.\u0007" },
    ];
    const report = { shards: 1, entries: 0, tombstones: 0, bytes: 0, problems, problemCount: 3 };
    vi.mocked(verify.verifyLmdbFolder).mockResolvedValueOnce(report);
    expect((await run()).out).toMatch(/\n\nOne\.\nshard 2: Two\.\\u0007\nand 1 further problem\n$/);
  });

  it("refuses a folder in use, before it reads anything", async () => {
    const lock = await lockFolder(folder, systemClock);
    const reading = vi.mocked(verify.verifyLmdbFolder);
    expect(await run()).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("is in use by another process"),
    });
    expect(reading).not.toHaveBeenCalled();
    await lock.release();
  });

  it("leaves a folder unchanged that is not a storage node's", async () => {
    const other = path.join(data.path, "other");
    mkdirSync(other);
    for (const id of ["other", "missing"]) {
      const { code, err } = await run("--id", id);
      expect(code).toBe(1);
      expect(err).toMatch(/^shardgate: \S+ is not the data folder of a storage node: it has no file \S+data\.mdb\.\n$/);
    }
    expect(readdirSync(other)).toEqual([]);
    expect(readdirSync(data.path).toSorted()).toEqual(["node1", "other"]);
  });
});
