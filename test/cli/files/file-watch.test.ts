import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchFiles } from "../../../src/cli/files/file-watch.js";
import { FakeClock } from "../../support/fake-clock.js";
import { temporaryFolder } from "../../support/processes.js";
import { RecordLog } from "../../support/record-log.js";

const pauseMs = 1_000;
let folder: ReturnType<typeof temporaryFolder>;
let clock: FakeClock;
/** Whether anything had changed, for each check. */
let looks: boolean[];
let stop: () => Promise<void>;

beforeEach(() => {
  folder = temporaryFolder();
  clock = new FakeClock();
  looks = [];
  stop = async () => {};
});
afterEach(async () => {
  await stop();
  folder.remove();
});

const place = (...names: readonly string[]): string => join(folder.path, ...names);

/** Starts watching, and waits for the first check. */
async function watch(...paths: readonly string[]): Promise<void> {
  const watched = watchFiles(paths, (isChanged) => void looks.push(isChanged), {
    clock,
    log: new RecordLog(),
    pauseMs,
  });
  stop = () => watched.stop();
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
  looks = [];
}

/** The results of the next checks. */
async function nextLooks(count = 1): Promise<readonly boolean[]> {
  looks = [];
  for (let look = 0; look < count; look++) {
    await clock.advance(pauseMs);
    await vi.waitFor(() => expect([clock.pendingTimers, looks.length]).toEqual([1, look + 1]));
  }
  return looks;
}

describe("a watch of files", () => {
  it("reports a file that is overwritten, once", async () => {
    writeFileSync(place("a"), "1");
    writeFileSync(place("b"), "1");
    await watch(place("a"), place("b"));
    expect(await nextLooks(2)).toEqual([false, false]);
    writeFileSync(place("b"), "12");
    expect(await nextLooks(2)).toEqual([true, false]);
  });

  it("reports a file of the same length that is renamed over another", async () => {
    writeFileSync(place("a"), "1");
    await watch(place("a"));
    writeFileSync(place("new"), "2");
    renameSync(place("new"), place("a"));
    expect(await nextLooks(2)).toEqual([true, false]);
  });

  it("reports a file when a link further up is replaced, as in Kubernetes", async () => {
    for (const version of ["v1", "v2"]) {
      mkdirSync(place(version));
      writeFileSync(place(version, "tls.crt"), version);
    }
    symlinkSync("v1", place("..data"));
    symlinkSync(join("..data", "tls.crt"), place("tls.crt"));
    await watch(place("tls.crt"));
    expect(await nextLooks()).toEqual([false]);
    symlinkSync("v2", place("..data_tmp"));
    renameSync(place("..data_tmp"), place("..data"));
    expect(await nextLooks(2)).toEqual([true, false]);
  });

  it("reports a file that disappears and returns, even with its folder", async () => {
    await watch(place("sub", "a"));
    mkdirSync(place("sub"));
    expect(await nextLooks()).toEqual([false]);
    writeFileSync(place("sub", "a"), "1");
    expect(await nextLooks()).toEqual([true]);
    rmSync(place("sub"), { recursive: true });
    expect(await nextLooks(2)).toEqual([true, false]);
    mkdirSync(place("sub"));
    writeFileSync(place("sub", "a"), "1");
    expect(await nextLooks(2)).toEqual([true, false]);
  });

  it("reports a folder in a file's place, and does not react to other files in it", async () => {
    writeFileSync(place("a"), "1");
    await watch(place("a"));
    writeFileSync(place("neighbour"), "1");
    expect(await nextLooks()).toEqual([false]);
    rmSync(place("a"));
    mkdirSync(place("a"));
    expect(await nextLooks(2)).toEqual([true, false]);
  });

  it("stops checking once it is stopped", async () => {
    await watch(place("a"));
    await stop();
    writeFileSync(place("a"), "1");
    await clock.advance(10 * pauseMs);
    expect([looks, clock.pendingTimers]).toEqual([[], 0]);
  });
});
