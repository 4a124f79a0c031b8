/**
 * Combines the reads of one tick into as few requests as possible: one for up to 1000 different keys. Each caller gets
 * the same result as from a request of its own: a failing key or an aborted caller does not affect the others.
 */
import { untilAborted, withDeadline } from "./request/deadline.js";
import type { Settings } from "./options.js";
import { resultList, type RawResult } from "./request/raw-result.js";
import { send } from "./request/request.js";
import { requestKeysMax, sendItems } from "./request/repeat.js";

/**
 * Most requests of one batch of reads in flight; of the six connections that browsers open to one host, two stay free.
 */
const requestsInFlightMax = 4;

/** One key of a batch, requested by one or more callers. */
interface Load {
  readonly key: string;
  readonly result: Promise<RawResult>;
  readonly resolve: (result: RawResult) => void;
  readonly reject: (error: unknown) => void;
  /** Number of callers that still wait for it. */
  callers: number;
  /** Whether a caller has received the result, so that the next one needs a copy. */
  isTaken: boolean;
}

interface Batch {
  readonly loads: Map<string, Load>;
  /** Number of calls that still wait for a key of the batch. */
  callers: number;
  /** Aborted when no call waits any more, whether the batch was answered or not. */
  readonly controller: AbortController;
}

export class ReadBatcher {
  readonly #settings: Settings;
  #gathering: Batch | null = null;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * Resolves to one result per key, in order; callers do not share objects. Throws ShardgateRequestError when a request
   * with some of the keys failed, and the reason of `signal` as soon as it is aborted.
   */
  async load(keys: readonly string[], signal: AbortSignal | undefined): Promise<readonly RawResult[]> {
    signal?.throwIfAborted();
    if (keys.length === 0) return [];
    const isNew = this.#gathering === null;
    const batch = (this.#gathering ??= { loads: new Map(), callers: 0, controller: new AbortController() });
    const results = join(batch, keys, signal);
    if (isNew) this.#settings.scheduleBatch(() => this.#flush(batch));
    return results;
  }

  #flush(batch: Batch): void {
    this.#gathering = null;
    const wanted = [...batch.loads.values()].filter(({ callers }) => callers > 0);
    const chunks = chunksOf(wanted).values();
    // Several workers share one iterator: each takes the next chunk when its last one is done.
    const work = async () => {
      for (const chunk of chunks) await this.#sendChunk(chunk, batch.controller.signal);
    };
    for (let worker = 0; worker < requestsInFlightMax; worker++) void work();
  }

  /** Never rejects; the promises of its loads do. */
  async #sendChunk(loads: readonly Load[], signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    const request = (signal: AbortSignal) =>
      sendItems(
        loads,
        {
          send: (open) => sendKeys(open, settings, signal),
          settle: ({ resolve }, result) => resolve(result),
          isRepeatable: () => true,
        },
        settings,
        signal,
      );
    try {
      await withDeadline(request, settings, signal);
    } catch (error) {
      for (const { reject } of loads) reject(error);
    }
  }
}

async function join(batch: Batch, keys: readonly string[], signal: AbortSignal | undefined): Promise<RawResult[]> {
  const loads = keys.map((key) => loadOf(key, batch.loads));
  batch.callers++;
  for (const load of loads) load.callers++;
  try {
    await untilAborted(Promise.all(loads.map(({ result }) => result)), signal);
    return await Promise.all(loads.map(taken));
  } finally {
    for (const load of loads) load.callers--;
    if (--batch.callers === 0) batch.controller.abort();
  }
}

function loadOf(key: string, loads: Map<string, Load>): Load {
  const known = loads.get(key);
  if (known !== undefined) return known;
  let [resolve, reject]: [Load["resolve"], Load["reject"]] = [notYet, notYet];
  const result = new Promise<RawResult>((resolveResult, rejectResult) => {
    resolve = resolveResult;
    reject = rejectResult;
  });
  const load = { key, result, resolve, reject, callers: 0, isTaken: false };
  loads.set(key, load);
  return load;
}

/** Placeholder until the promise supplies its own functions, which happens at once. */
function notYet(): void {}

async function taken(load: Load): Promise<RawResult> {
  const result = await load.result;
  if (load.isTaken) return structuredClone(result);
  load.isTaken = true;
  return result;
}

function chunksOf(loads: readonly Load[]): readonly (readonly Load[])[] {
  const chunks: Load[][] = [];
  for (let start = 0; start < loads.length; start += requestKeysMax) {
    chunks.push(loads.slice(start, start + requestKeysMax));
  }
  return chunks;
}

async function sendKeys(
  loads: readonly Load[],
  settings: Settings,
  signal: AbortSignal,
): Promise<readonly RawResult[]> {
  const variables = JSON.stringify({ keys: loads.map(({ key }) => key) });
  const answer = await send({ document: settings.documents.entries, variables, isWrite: false }, settings, signal);
  return resultList(answer, loads.length, false);
}
