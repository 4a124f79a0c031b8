/**
 * One process per data folder and per registry file: a lock of the operating system's kernel, which ends with the process
 * that holds it, however that ends, and which counts across containers too. What the lock file says is for people and
 * decides nothing. Where no such lock can be had, nothing is opened.
 */
import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { ErrorCode } from "../../core/error.js";
import type { FileLock } from "../../registry/stores/store-lock.js";
import { LockRefused, messageOf } from "../terminal/command-failure.js";

/** How long a start waits for the lock of its data folder or registry: a supervisor starts a process before the last is gone. */
export const lockWaitMs = 1_000;

/** Pause between two tries at that lock. */
const lockPollMs = 25;

export interface HeldLock extends FileLock {
  /** The open file that has the lock; a process that inherits it holds the lock, too. */
  readonly fd: number;
}

/** The name of a data folder's lock file. */
export const folderLockName = "shardgate.lock";

/**
 * Takes the lock of a data folder, which must exist. Throws LockRefused with STORAGE_FAILED when another process keeps
 * it for `lockWaitMs`, or no lock can be had.
 */
export function lockFolder(folder: string, clock: Clock): Promise<HeldLock> {
  return lock(join(folder, folderLockName), {
    clock,
    code: "STORAGE_FAILED",
    what: `The data folder ${folder}`,
    advice: "Stop that process first, or choose another folder.",
  });
}

/**
 * Takes the lock of a registry, in the file at `path`: the registry's with `.lock` behind. Throws as `lockFolder` does, with
 * REGISTRY_UNAVAILABLE.
 */
export function lockRegistry(path: string, clock: Clock): Promise<HeldLock> {
  return lock(path, {
    clock,
    code: "REGISTRY_UNAVAILABLE",
    what: `The registry ${path.replace(/\.lock$/, "")}`,
    advice: "Stop that gateway first, or choose another registry.",
  });
}

interface Subject {
  readonly clock: Clock;
  readonly code: ErrorCode;
  /** What is locked, as the subject of a sentence. */
  readonly what: string;
  readonly advice: string;
}

async function lock(path: string, subject: Subject): Promise<HeldLock> {
  const tryLock = await loadTryLock(subject);
  const fd = openLockFile(path, subject);
  try {
    if (!(await isTakenInTime(() => tryLock(fd), subject))) throw inUse(fd, subject);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  nameHolder(fd);
  return { fd, release: releaseOnce(fd) };
}

/** A plain descriptor, because Node.js closes a FileHandle that nothing refers to any more, and with it ends the lock. */
function openLockFile(path: string, { code, what }: Subject): number {
  try {
    // Not emptied before it is locked: what it says is the holder's.
    return openSync(path, constants.O_RDWR | constants.O_CREAT);
  } catch (error) {
    throw new LockRefused(code, `${what} cannot be used: ${messageOf(error)}.`, {}, error);
  }
}

/** Closing releases the lock. The file stays: another process may have opened it already to wait for the lock. */
function releaseOnce(fd: number): () => Promise<void> {
  let isHeld = true;
  return async () => {
    // Later the number may be another open file's.
    if (isHeld) closeSync(fd);
    isHeld = false;
  };
}

type TryLock = (fd: number) => boolean;

/** Loaded only here: most commands need no lock, and a machine without the binary runs all the others. */
async function loadTryLock(subject: Subject): Promise<TryLock> {
  try {
    return (await import("fs-native-extensions")).tryLock;
  } catch (error) {
    throw noLock(`file locks have no binary for this platform (${process.platform}, ${process.arch})`, subject, error);
  }
}

async function isTakenInTime(take: () => boolean, subject: Subject): Promise<boolean> {
  const { clock } = subject;
  const untilMs = clock.monotonicMs() + lockWaitMs;
  for (;;) {
    try {
      if (take()) return true;
    } catch (error) {
      throw noLock(`the file system refuses the lock (${messageOf(error)})`, subject, error);
    }
    if (clock.monotonicMs() >= untilMs) return false;
    await new Promise<void>((resolve) => clock.after(lockPollMs, resolve));
  }
}

function noLock(reason: string, { code, what }: Subject, cause: unknown): LockRefused {
  const message =
    `${what} cannot be locked against other processes: ${reason}. ` +
    "Nothing was opened. Use a local disk on Linux (with glibc), macOS or Windows.";
  return new LockRefused(code, message, {}, cause);
}

function inUse(fd: number, { code, what, advice }: Subject): LockRefused {
  const holder = holderOf(fd);
  const who = holder === null ? "another process" : `another process (${holder}, as its lock file says)`;
  return new LockRefused(code, `${what} is in use by ${who}. ${advice}`);
}

/** For people only, so that it may fail, for example on a full disk. */
function nameHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `pid ${process.pid} on host ${hostname()}\n`, 0);
  } catch {
    // The lock is held all the same.
  }
}

function holderOf(fd: number): string | null {
  try {
    const bytes = Buffer.alloc(holderBytesMax);
    const text = bytes.toString("latin1", 0, readSync(fd, bytes, { position: 0 }));
    return /^(pid \d{1,10} on host [\w.-]+)\n/.exec(text)?.[1] ?? null;
  } catch {
    // Where locks also keep others from reading.
    return null;
  }
}

/** A host's name has at most 255 characters. */
const holderBytesMax = 300;
