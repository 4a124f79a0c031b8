/**
 * The lock of a data folder or registry, with real processes: two of them, killed ones, ones of another pid namespace.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failureText } from "../../../src/cli/terminal/command-failure.js";
import {
  folderLockName,
  lockFolder,
  lockRegistry,
  type HeldLock,
  lockWaitMs,
} from "../../../src/cli/files/file-lock.js";
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { eventually, repository, Run, temporaryFolder } from "../../support/processes.js";

const holderScript = path.join(import.meta.dirname, "lock-holder.mjs");
/** Another pid namespace, if this machine allows creating one. */
const inOtherNamespace = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const hasNamespaces = spawnSync("unshare", [...inOtherNamespace, "true"]).status === 0;

let folder: ReturnType<typeof temporaryFolder>;
let lockPath: string;
const held: HeldLock[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  lockPath = path.join(folder.path, folderLockName);
});
afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
  vi.doUnmock("fs-native-extensions");
  vi.resetModules();
  folder.remove();
});

async function take(clock = systemClock): Promise<HeldLock> {
  const lock = await lockFolder(folder.path, clock);
  held.push(lock);
  return lock;
}

/** A refusal without waiting: the clock is advanced beyond the time that a start waits. */
async function refusal(): Promise<Error & { code?: unknown }> {
  const clock = new FakeClock();
  const outcome = lockFolder(folder.path, clock).then(
    async (lock) => {
      await lock.release();
      return new Error("The lock was taken.");
    },
    (error: unknown) => error as Error,
  );
  let isOver = false;
  void outcome.then(() => (isOver = true));
  while (!isOver) {
    await settle();
    await clock.advance(lockWaitMs);
  }
  return outcome;
}

async function startHolder(): Promise<{ readonly run: Run; readonly pid: string }> {
  const run = new Run(process.execPath, [holderScript, folder.path]);
  const [, pid = ""] = await run.prints(/^locked by (\d+)$/m);
  return { run, pid };
}

describe("the lock of a data folder", () => {
  it("is refused while another process holds it, with that process's id and host, and does not disturb the holder", async () => {
    const { run, pid } = await startHolder();
    const error = await refusal();
    expect(error).toMatchObject({ code: "STORAGE_FAILED" });
    expect(failureText(error)).toBe(
      `The data folder ${folder.path} is in use by another process (pid ${pid} on host ${hostname()}, as its lock ` +
        "file says). Stop that process first, or choose another folder.",
    );
    expect(readFileSync(lockPath, "utf8")).toBe(`pid ${pid} on host ${hostname()}\n`);
    expect((await refusal()).message).toContain(`pid ${pid} `);
    await run.stop("SIGKILL");
  });

  it("is free at once when the process that held it is killed, although its lock file stays", async () => {
    const { run, pid } = await startHolder();
    await run.stop("SIGKILL");
    expect(readFileSync(lockPath, "utf8")).toContain(`pid ${pid} `);
    // With a clock that never advances, the first attempt must succeed.
    await take(new FakeClock());
    expect(readFileSync(lockPath, "utf8")).toBe(`pid ${process.pid} on host ${hostname()}\n`);
  });

  it("is waited for, because a process may start before the previous one has ended", async () => {
    const first = await take();
    const clock = new FakeClock();
    let isTaken = false;
    const second = take(clock).then(() => (isTaken = true));
    // It waits now.
    await eventually(() => expect(clock.pendingTimers).toBeGreaterThan(0));
    expect(isTaken).toBe(false);
    await first.release();
    held.splice(0, 1);
    await clock.advance(lockWaitMs / 2);
    await second;
  });

  it("lives on in a process that inherited the open file, and ends with that process", async () => {
    const lock = await take();
    const heir = spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", lock.fd] });
    await once(heir, "spawn");
    held.splice(0, 1);
    await lock.release();
    expect(await refusal()).toMatchObject({ code: "STORAGE_FAILED" });
    heir.kill("SIGKILL");
    await once(heir, "exit");
    await take(new FakeClock());
  });

  it.each(["", "pid", "pid 1 on host \u0007\n", "x".repeat(5_000)])(
    "depends on the kernel and never on the content of the file: %j",
    async (text) => {
      writeFileSync(lockPath, text);
      await take(new FakeClock());
      // The holder's own line is gone as well.
      truncateSync(lockPath);
      writeFileSync(lockPath, text);
      expect((await refusal()).message).toMatch(/ is in use by another process\. Stop that process first/);
    },
  );

  it.skipIf(!hasNamespaces)("is refused to a process of another pid namespace, where both may be pid 1", async () => {
    await take();
    const args = [...inOtherNamespace, process.execPath, holderScript, folder.path];
    const refused = new Run("unshare", args, {}, repository);
    await refused.prints(/^STORAGE_FAILED: The data folder .* is in use by another process /m);
    expect(await refused.ended()).toBe(0);

    for (const lock of held.splice(0)) await lock.release();
    const holder = new Run("unshare", args, {}, repository);
    await holder.prints(/^locked by 1$/m);
    expect((await refusal()).message).toContain("(pid 1 on host ");
    await holder.stop("SIGKILL");
    await take();
  });

  it("is refused when the folder is missing, with that reason", async () => {
    folder.remove();
    const error = await refusal();
    expect(error.message).toMatch(/^The data folder .* cannot be used: ENOENT: no such file or directory/);
    expect(error).toMatchObject({ code: "STORAGE_FAILED" });
  });
});

describe("a start without available locks", () => {
  /** The lock with another fs-native-extensions. */
  async function lockWith(nativeModule: () => object): Promise<Error> {
    vi.resetModules();
    vi.doMock("fs-native-extensions", nativeModule);
    const fresh = await import("../../../src/cli/files/file-lock.js");
    return fresh.lockFolder(folder.path, systemClock).then(
      () => new Error("The lock was taken."),
      (error: unknown) => error as Error,
    );
  }

  it("is refused on a platform without a binary instead of running unlocked", async () => {
    const error = await lockWith(() => {
      throw new Error("Cannot find addon");
    });
    expect(error.message).toMatch(
      /cannot be locked against other processes: file locks have no binary for this platform .*\./,
    );
    expect(error).toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("is refused on a file system without locks instead of running unlocked", async () => {
    const error = await lockWith(() => ({
      tryLock() {
        throw new Error("ENOLCK: no locks available");
      },
    }));
    expect(error.message).toMatch(
      /cannot be locked against other processes: the file system refuses the lock \(ENOLCK/,
    );
  });
});

describe("the lock of a registry", () => {
  it("is refused with the registry's own code and name while another gateway has it", async () => {
    const registry = path.join(folder.path, "registry.json");
    held.push(await lockRegistry(`${registry}.lock`, systemClock));
    const clock = new FakeClock();
    const outcome = expect(lockRegistry(`${registry}.lock`, clock)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining(`The registry ${registry} is in use by another process (pid ${process.pid} `),
    });
    await eventually(() => expect(clock.pendingTimers).toBeGreaterThan(0));
    await clock.advance(lockWaitMs);
    await outcome;
  });
});
