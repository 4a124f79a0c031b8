/**
 * A storage node and a gateway with a full, read-only or damaged disk: the line at the start or the code, that nothing
 * acknowledged is lost, and that the process recovers by itself once the disk does.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { program, Run, shardgate, temporaryFolder } from "../support/processes.js";

let folder: string;
/** Called in reverse order: processes end before their disks are removed. */
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  const { path, remove } = temporaryFolder();
  folder = path;
  cleanups.push(remove);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Mounts a file system in memory, which only root may do, and not everywhere. */
function mount(path: string, options: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "shardgate-test", path], { stdio: "ignore" });
  cleanups.push(() => execFileSync("umount", [path]));
}

function canMount(): boolean {
  const { path, remove } = temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "shardgate-test", path], { stdio: "ignore" });
    execFileSync("umount", [path]);
    return true;
  } catch {
    return false;
  } finally {
    remove();
  }
}

interface Node {
  readonly run: Run;
  /** Status and code. */
  put(key: string, value: string): Promise<string>;
  get(key: string): Promise<string>;
}

async function startNode(start: () => Run): Promise<Node> {
  const run = start();
  cleanups.push(() => run.stop());
  const [, url = ""] = await run.prints(/^listening (\S+)$/m);
  const route = (key: string): string => `${url}/shard/1/store/${key}`;
  return {
    run,
    async put(key, value) {
      const answer = await fetch(route(key), { method: "PUT", body: value });
      const text = await answer.text();
      return answer.ok ? "ok" : `${answer.status} ${(JSON.parse(text) as { code: string }).code}`;
    },
    get: async (key) => (await fetch(route(key))).text(),
  };
}

const nodeArguments = (data: string): readonly string[] => ["node", "--id", "n1", "--port", "0", "--data", data];
const value = (index: number): string => JSON.stringify(`${index} ${"x".repeat(60_000)}`);

/** Writes until the disk is full; returns the acknowledged writes and the refusal. */
async function fill(node: Node): Promise<{ readonly acknowledged: readonly number[]; readonly refusal: string }> {
  const acknowledged: number[] = [];
  for (let index = 0; index < 500; index++) {
    const answer = await node.put(`k${index}`, value(index));
    if (answer !== "ok") return { acknowledged, refusal: answer };
    acknowledged.push(index);
  }
  throw new Error("The disk is never full.");
}

async function expectAll(node: Node, acknowledged: readonly number[]): Promise<void> {
  expect(acknowledged.length).toBeGreaterThan(3);
  for (const index of acknowledged) expect(await node.get(`k${index}`)).toBe(value(index));
}

async function failure(args: readonly string[]): Promise<string> {
  const run = shardgate([...args, "--log-level", "silent"]);
  expect(await run.ended()).toBe(1);
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  return run.stderr;
}

describe("a full disk", () => {
  it.skipIf(!canMount())("refuses writes with STORAGE_FULL, and accepts them again when there is room", async () => {
    mount(`${folder}/small`, "size=1m");
    const node = await startNode(() => shardgate(nodeArguments(`${folder}/small`)));
    const { acknowledged, refusal } = await fill(node);
    expect(refusal).toBe("507 STORAGE_FULL");
    await expectAll(node, acknowledged);
    execFileSync("mount", ["-o", "remount,size=64m", `${folder}/small`]);
    expect(await node.put("more", "1")).toBe("ok");
    expect(await node.run.stop()).toBe(0);
    const again = await startNode(() => shardgate(nodeArguments(`${folder}/small`)));
    await expectAll(again, acknowledged);
    expect(await again.get("more")).toBe("1");
  });

  it.skipIf(!existsSync("/usr/bin/prlimit"))(
    "refuses writes with STORAGE_FAILED while the file may not grow, and accepts them again when it may",
    async () => {
      const limited = 'ulimit -S -f 512; exec "$@"';
      const command = ["-c", limited, "bash", process.execPath, program, ...nodeArguments(folder)];
      const node = await startNode(() => new Run("bash", command));
      const { acknowledged, refusal } = await fill(node);
      expect(refusal).toBe("500 STORAGE_FAILED");
      await expectAll(node, acknowledged);
      execFileSync("prlimit", ["--pid", String(node.run.child.pid), "--fsize=unlimited:"]);
      expect(await node.put("more", "1")).toBe("ok");
      await expectAll(node, acknowledged);
      expect(await node.run.stop()).toBe(0);
    },
  );
});

describe("a folder that is not writable", () => {
  // Not even root may create a folder there.
  it.skipIf(!existsSync("/sys/kernel"))("ends a storage node and a gateway with exit code 1 and one line", async () => {
    const line = /^shardgate: Cannot use \/sys\/kernel\/[\w/]*: permission denied\.$/m;
    expect(await failure(nodeArguments("/sys/kernel"))).toMatch(line);
    expect(await failure(["gateway", "--port", "0", "--data", "/sys/kernel/data"])).toMatch(line);
  });

  it.skipIf(!canMount())("ends them with exit code 1 and the reason on a read-only file system", async () => {
    mount(`${folder}/fixed`, "ro");
    expect(await failure(nodeArguments(`${folder}/fixed`))).toContain("the file system is read-only");
    expect(await failure(["gateway", "--port", "0", "--data", `${folder}/fixed/data`])).toContain(
      "the file system is read-only",
    );
    expect(await failure(["gateway", "--port", "0", "--data", `${folder}/fixed`])).toContain("read-only");
  });
});

describe("a damaged data file", () => {
  it.each<readonly [string, (bytes: Buffer) => Buffer, RegExp]>([
    ["zeroed", (bytes) => bytes.fill(0), /is not a data file of this program.*left untouched/],
    ["zeroed behind its first two pages", (bytes) => bytes.fill(0, 8192), /storage engine failed in .*n1/i],
    ["cut short", (bytes) => bytes.subarray(0, bytes.length / 2), /is cut short.*left untouched/],
    ["overwritten at its beginning", (bytes) => bytes.fill("garbage", 0, 4096), /is not a data file of this program/],
  ])(
    "%s ends the storage node with exit code 1 and a line, and its copy starts with all data",
    async (_, damage, line) => {
      const [file, copy] = [`${folder}/n1/data.mdb`, `${folder}/copy.mdb`];
      const first = await startNode(() => shardgate(nodeArguments(folder)));
      for (let index = 0; index < 5; index++) expect(await first.put(`k${index}`, value(index))).toBe("ok");
      expect(await first.run.stop()).toBe(0);
      copyFileSync(file, copy);
      writeFileSync(file, damage(readFileSync(file)));
      const run = shardgate([...nodeArguments(folder), "--log-level", "silent"]);
      expect(await run.ended()).toBe(1);
      expect(run.stderr).toMatch(line);
      copyFileSync(copy, file);
      await expectAll(await startNode(() => shardgate(nodeArguments(folder))), [0, 1, 2, 3, 4]);
    },
  );
});
