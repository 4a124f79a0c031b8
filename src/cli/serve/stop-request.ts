/** Waits for the request to stop (a signal), and bounds the time that a process then takes to finish. */
import type { Clock } from "../../core/clock.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";

export interface StopRequest {
  /** Resolves to the reason at the first request to stop. */
  readonly requested: Promise<string>;
  /** Aborted at the same moment. */
  readonly signal: AbortSignal;
  /** Ends listening for requests. */
  dispose(): void;
}

/** Listens for requests to stop from now on, so that none is lost while a process starts. Further ones change nothing. */
export function listenForStop(environment: Pick<Environment, "onSignal">): StopRequest {
  const abort = new AbortController();
  const { signal } = abort;
  const dispose = environment.onSignal((reason) => abort.abort(reason));
  const requested = new Promise<string>((resolve) => {
    signal.addEventListener("abort", () => resolve(String(signal.reason)), { once: true });
  });
  return { requested, signal, dispose };
}

/** `work`'s value, or null when it takes longer than `timeoutMs`. */
export function within<T>(work: Promise<T>, timeoutMs: number, clock: Clock): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => resolve(null));
    work.finally(cancel).then(resolve, reject);
  });
}

/** Waits for `closing`; after `timeoutMs` throws, so that the process ends all the same. */
export async function closeWithin(closing: Promise<void>, timeoutMs: number, clock: Clock): Promise<void> {
  const isClosed = await within(
    closing.then(() => true),
    timeoutMs,
    clock,
  );
  if (isClosed === null)
    throw new CommandFailure(`Stopping took longer than ${timeoutMs} ms; unfinished work was abandoned.`);
}
