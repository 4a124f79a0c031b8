import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { WatchedFile, accessFileCheckMs, accessFileBytesMax } from "../../../src/gateway/access/watched-file.js";
import { eventually, temporaryFolder } from "../../support/processes.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";

function parse(text: string): string {
  if (text.startsWith("broken")) throw new ShardgateError("BAD_REQUEST", "It is broken.");
  return text;
}

function place(text: string) {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const file = path.join(folder.path, "file");
  writeFileSync(file, text);
  return { folder: folder.path, file };
}

async function opened(file: string) {
  const clock = new FakeClock();
  const log = new RecordLog();
  const watched = await WatchedFile.open({ path: file, parse, clock, log });
  onTestFinished(() => watched.close());
  /** Lets the file be polled until the expectation holds. */
  const until = (expectation: () => void) =>
    eventually(async () => {
      await clock.advance(accessFileCheckMs);
      expectation();
    });
  const errors = () => log.lines.filter(({ level }) => level === "error").map(({ facts }) => facts["reason"]);
  return { watched, log, clock, until, errors };
}

describe("a watched file", () => {
  it("takes effect as it was last written", async () => {
    const { file } = place("one");
    const { watched, until } = await opened(file);
    expect(watched.content).toBe("one");
    writeFileSync(file, "two");
    await until(() => expect(watched.content).toBe("two"));
  });

  it("may be replaced by another of the same length", async () => {
    const { file } = place("one");
    const { watched, until } = await opened(file);
    writeFileSync(`${file}.new`, "two");
    renameSync(`${file}.new`, file);
    await until(() => expect(watched.content).toBe("two"));
  });

  it("may be a link into a folder that is replaced, as in Kubernetes", async () => {
    const { folder } = place("");
    for (const name of ["..1", "..2"]) {
      mkdirSync(path.join(folder, name));
      writeFileSync(path.join(folder, name, "tokens"), name);
    }
    symlinkSync("..1", path.join(folder, "..data"));
    symlinkSync("..data/tokens", path.join(folder, "tokens"));
    const { watched, until } = await opened(path.join(folder, "tokens"));
    expect(watched.content).toBe("..1");
    symlinkSync("..2", path.join(folder, "..data_tmp"));
    renameSync(path.join(folder, "..data_tmp"), path.join(folder, "..data"));
    await until(() => expect(watched.content).toBe("..2"));
  });

  it("keeps its content when the file breaks, logs that once, and recovers by itself", async () => {
    const { file } = place("one");
    const { watched, until, errors, log } = await opened(file);
    writeFileSync(file, "broken");
    await until(() => expect(errors()).toEqual(["It is broken."]));
    for (let round = 0; round < 3; round++) await until(() => expect(errors()).toHaveLength(1));
    expect(watched.content).toBe("one");
    rmSync(file);
    await until(() => expect(errors()).toHaveLength(2));
    expect(errors()[1]).toContain("ENOENT");
    expect(watched.content).toBe("one");
    writeFileSync(file, "two");
    await until(() => expect(watched.content).toBe("two"));
    writeFileSync(file, "broken");
    await until(() => expect(errors()).toHaveLength(3));
    expect(log.lines.filter(({ message }) => message === "A changed file was loaded.")).toHaveLength(1);
  });

  it("does not take effect while it is being written: two polls in a row must read the same text", async () => {
    const { file } = place("one");
    const { watched, log, clock } = await opened(file);
    /** One poll, which has ended when this resolves: the next pause begins only then. */
    const look = async () => {
      await clock.advance(accessFileCheckMs);
      await eventually(async () => expect(clock.pendingTimers).toBe(1));
    };
    await eventually(async () => expect(clock.pendingTimers).toBe(1));
    for (const half of ["", "tw", "two"]) {
      writeFileSync(file, half);
      await look();
      expect(watched.content).toBe("one");
    }
    await look();
    expect(watched.content).toBe("two");
    expect(log.lines).toHaveLength(1);
  });

  it("is not opened when it is missing, invalid or too long", async () => {
    const { file } = place("broken");
    const open = (path: string) => WatchedFile.open({ path, parse, clock: new FakeClock(), log: new RecordLog() });
    await expect(open(file)).rejects.toThrow("It is broken.");
    await expect(open(`${file}-none`)).rejects.toThrow("ENOENT");
    writeFileSync(file, "x".repeat(accessFileBytesMax + 1));
    await expect(open(file)).rejects.toThrow("is longer than");
    for (const endless of ["/dev/zero", path.dirname(file)]) {
      await expect(open(endless)).rejects.toThrow("It is not a regular file.");
    }
  });
});
