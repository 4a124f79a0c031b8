/** What a user sees when a command fails: one line for an expected failure, the stack for an unexpected one. */
import { ShardgateError } from "../../core/error.js";
import { commandAdvice } from "./advice.js";
import { exitCodes, type ExitCode } from "./exit-code.js";

/** An expected failure of a command that only its user sees. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A failure whose line another process of this command has written already. */
export class ToldFailure extends Error {
  override readonly name = "ToldFailure";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super(`A process of this command ended with exit code ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

/** A lock of a data folder or registry was not available. The message is complete without further advice. */
export class LockRefused extends ShardgateError {}

/** The text after "shardgate: " for any thrown value. */
export function failureText(error: unknown): string {
  if (error instanceof LockRefused) return oneLine(error.message);
  // This process opened the store itself: the message has the cause, and the general advice is about a storage node's log.
  if (error instanceof ShardgateError && error.code === "STORAGE_FAILED") return oneLine(error.message);
  if (error instanceof ShardgateError) return oneLine(`${error.message} ${commandAdvice(error.code)}`);
  if (error instanceof CommandFailure) return error.message;
  if (!(error instanceof Error)) return messageOf(error);
  const { code, path, port, address, syscall } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error.stack ?? error.message;
  if (port !== undefined && syscall !== "connect")
    return `Cannot listen on port ${port} of ${address ?? "this host"}: ${reason(code, error)}.`;
  return path === undefined ? oneLine(error.message) : `Cannot use ${path}: ${reason(code, error)}.`;
}

/**
 * The message of any thrown value. When a connection to a name with several addresses is refused, the reasons are in
 * nested errors.
 */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return oneLine(error instanceof Error ? error.message : String(error));
}

/** `text` on one line. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use; stop the process that listens there, or choose another port with --port",
  EADDRNOTAVAIL: "this host has no such address",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "it does not exist",
  ENOTDIR: "a parent in the path is not a folder",
  EEXIST: "a file is there instead of a folder",
  EISDIR: "it is a folder",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

function reason(code: string, error: Error): string {
  return reasons[code] ?? oneLine(error.message);
}
