/** Clients that run concurrently, each one request after the other, and their observations as a history. */
import { Recorder, type Result } from "./history.js";
import type { Random } from "./random.js";
import { Workload, type Request } from "./workload.js";

/** The receiver of requests. One result per ask, in order; rejects only for an answer that no client may ever get. */
export type Target = (request: Request) => Promise<readonly Result[]>;

export interface ClientsOptions {
  readonly random: Random;
  readonly keys: readonly string[];
  readonly clients: number;
  /** Clients stop once this many operations have ended. */
  readonly operations: number;
  /** Clients stop when it is aborted, too. */
  readonly signal?: AbortSignal;
  /** Each client prefers one target, and uses the others occasionally. */
  readonly targets: readonly Target[];
  readonly recorder: Recorder;
  /** Called and awaited after each request; a wait here delays only one client. */
  readonly afterRequest: (wasAnswered: boolean) => Promise<void>;
}

/** How often a client uses its preferred target. */
const preferenceProbability = 0.8;

export async function runClients(options: ClientsOptions): Promise<void> {
  const { random, keys, clients, operations, signal, targets, recorder, afterRequest } = options;
  const state = { lastValue: 0 };
  const run = async (name: string, own: Random, preferred: Target): Promise<void> => {
    const workload = new Workload(own, keys, () => ++state.lastValue);
    while (recorder.length < operations && signal?.aborted !== true) {
      const target = own.chance(preferenceProbability) ? preferred : own.pick(targets);
      const request = workload.next();
      const results = await record(recorder, name, target, request);
      for (const [index, result] of results.entries()) workload.learn(request.asks[index]?.key ?? "", result);
      await afterRequest(results.some(({ kind }) => kind !== "refused" && kind !== "unknown"));
    }
  };
  const each = Array.from({ length: clients }, (_, index) => {
    const preferred = targets[index % targets.length];
    if (preferred === undefined) throw new Error("There is no target.");
    return run(`client${index + 1}`, random.fork(), preferred);
  });
  await Promise.all(each);
}

/** Reads every key through every target, so that the final state is a part of the history. */
export async function readAll({ keys, targets, recorder }: Pick<ClientsOptions, "keys" | "targets" | "recorder">) {
  for (const target of targets) {
    for (const key of keys)
      await record(recorder, "last reader", target, { way: "graphql", asks: [{ key, action: { kind: "get" } }] });
  }
}

async function record(
  recorder: Recorder,
  client: string,
  target: Target,
  request: Request,
): Promise<readonly Result[]> {
  const ends = request.asks.map(({ key, action }) => recorder.begin(client, key, action));
  const results = await target(request);
  if (results.length !== ends.length) throw new Error(`${results.length} results came for ${ends.length} operations.`);
  for (const [index, end] of ends.entries()) {
    const result = results[index];
    if (result !== undefined) end(result);
  }
  return results;
}
