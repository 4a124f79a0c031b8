/**
 * Ensures that only one process uses a data folder or registry file: a lock of the operating system's kernel, which
 * ends with the process that holds it, however that ends, and which works across containers. The content of the lock
 * file is for people only. If such a lock is not available, nothing is opened.
 */
import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { ErrorCode } from "../../core/error.js";
import type { FileLock } from "../../registry/stores/file/store-lock.js";
import { LockRefused, messageOf } from "../terminal/command-failure.js";

/**
 * How long a start waits for the lock of its data folder or registry: a supervisor may start a process before the
 * previous one has ended.
 */
export const lockWaitMs = 1_000;

/** Pause between two attempts to get that lock. */
const lockPollMs = 25;

export interface HeldLock extends FileLock {
  /** The open file that has the lock; a process that inherits it holds the lock too. */
  readonly fd: number;
}

/** The name of a data folder's lock file. */
export const folderLockName = "shardgate.lock";

/**
 * Takes the lock of a data folder, which must exist. Throws LockRefused with STORAGE_FAILED when another process holds
 * it for `lockWaitMs`, or when locks are not available.
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
 * Takes the lock of a registry, in the file `path`: the registry's path followed by `.lock`. Throws as `lockFolder`
 * does, with REGISTRY_UNAVAILABLE.
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
  /** The locked object, as the subject of a sentence. */
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

/**
 * A plain descriptor, because Node.js closes a FileHandle that is no longer referenced, which would release the lock.
 */
function openLockFile(path: string, { code, what }: Subject): number {
  try {
    // Not truncated before it is locked: its content belongs to the holder.
    return openSync(path, constants.O_RDWR | constants.O_CREAT);
  } catch (error) {
    throw new LockRefused(code, `${what} cannot be used: ${messageOf(error)}.`, {}, error);
  }
}

/**
 * Closing releases the lock. The file stays, because another process may have opened it already to wait for the lock.
 */
function releaseOnce(fd: number): () => Promise<void> {
  let isHeld = true;
  return async () => {
    // After closing, the number may be reused for another open file.
    if (isHeld) closeSync(fd);
    isHeld = false;
  };
}

type TryLock = (fd: number) => boolean;

/** Loaded on demand: most commands need no lock, and run on machines without this binary. */
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

/** For people only, so it may fail, for example on a full disk. */
function nameHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `pid ${process.pid} on host ${hostname()}\n`, 0);
  } catch {
    // The lock is held nevertheless.
  }
}

function holderOf(fd: number): string | null {
  try {
    const bytes = Buffer.alloc(holderBytesMax);
    const text = bytes.toString("latin1", 0, readSync(fd, bytes, { position: 0 }));
    return /^(pid \d{1,10} on host [\w.-]+)\n/.exec(text)?.[1] ?? null;
  } catch {
    // On some systems a lock also prevents others from reading.
    return null;
  }
}

/** A host name has at most 255 characters. */
const holderBytesMax = 300;
