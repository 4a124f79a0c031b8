/**
 * One run with real processes: concurrent clients through a gateway of several workers, or through several gateways, while processes are killed,
 * paused and restarted by the seed's plan. Others check what the clients observed.
 */
import { readAll, runClients } from "./clients.js";
import { faultPlan, type Fault } from "./fault-plan.js";
import { FaultyCluster, type FaultyProcesses } from "./faulty-cluster.js";
import { FaultyGroup } from "./faulty-group.js";
import { gatewayTarget } from "./gateway-target.js";
import { Recorder, type Call } from "./history.js";
import { Random } from "./random.js";

export interface ProcessRunOptions {
  readonly seed: number;
  readonly operations: number;
  readonly clients: number;
  /** Workers of each storage node, 1 by default; the gateway has at least two. */
  readonly workers?: number;
  /** Gateways of one registry, 1 by default; when there are several, the registry's server fails, too. */
  readonly gateways?: number;
  /** Called with each fault as it begins. */
  readonly onFault?: (fault: Fault) => void;
}

export interface ProcessRun {
  readonly calls: readonly Call[];
  readonly faults: readonly Fault[];
}

const shape = { nodes: 3, shards: 8 };
/** Few enough to be hot, and enough that every storage node has some. */
const keys = ["hot", "user/1", "user/2", "user/3", "user/4", "user/5", "user/6", "ключ"];
/** Longer than an attempt at a storage node takes, shorter than a gateway's deadline: clients lose answers too. */
const clientTimeoutMs = 2_500;
/** How long a client waits after a refusal. */
const pauseMs = 100;

export async function runProcesses(options: ProcessRunOptions): Promise<ProcessRun> {
  const { seed, operations, clients, workers = 1, gateways = 1, onFault } = options;
  const random = new Random(seed);
  const recorder = new Recorder();
  const parts = { ...shape, workers };
  const cluster = await (gateways === 1 ? FaultyCluster.start(parts) : FaultyGroup.start({ ...parts, gateways }));
  try {
    const plan = faultPlan(random.fork(), cluster.processes, operations);
    const faults = new FaultRun(cluster, plan, onFault);
    const targets = cluster.origins.map((origin) => gatewayTarget({ origin, timeoutMs: clientTimeoutMs }));
    const afterRequest = async (wasAnswered: boolean): Promise<void> => {
      faults.reach(recorder.length);
      if (!wasAnswered) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    };
    await runClients({ random: random.fork(), keys, clients, operations, targets, recorder, afterRequest });
    faults.reach(Infinity);
    await faults.settled();
    await cluster.ready();
    await readAll({ keys, targets, recorder });
    return { calls: recorder.calls, faults: plan };
  } finally {
    await cluster.stop();
  }
}

/** Begins and ends the faults of a plan, one event after the other, when their number of operations is reached. */
class FaultRun {
  readonly #events: { readonly at: number; readonly run: () => Promise<void> | void }[];
  #last: Promise<void> = Promise.resolve();

  constructor(cluster: FaultyProcesses, plan: readonly Fault[], onFault: (fault: Fault) => void = () => {}) {
    const begin = (fault: Fault): Promise<void> => {
      onFault(fault);
      return cluster.begin(fault);
    };
    this.#events = plan
      .flatMap((fault) => [
        { at: fault.from, run: () => begin(fault) },
        { at: fault.until, run: () => cluster.end(fault) },
      ])
      .toSorted((a, b) => a.at - b.at);
  }

  reach(operations: number): void {
    while ((this.#events[0]?.at ?? Infinity) <= operations) {
      const event = this.#events.shift();
      if (event === undefined) return;
      this.#last = this.#last.then(() => event.run());
    }
  }

  /** Resolves when all events that are due are done; rejects when one failed. */
  settled(): Promise<void> {
    return this.#last;
  }
}
