/**
 * A run of rounds, each with one mishap drawn at random, under writes by several clients; in the end every key is read.
 * Nothing acknowledged may be "not found" or overwritten by a write for an older version without an operator's word.
 */
import { Random } from "../linearizability/random.js";
import { getEntry } from "../support/data-calls.js";
import { eventually } from "../support/processes.js";
import { startFaithfulWriters } from "./faithful-writers.js";
import { HurtCluster } from "./hurt-cluster.js";
import { mishaps, type Mishap } from "./mishaps.js";
import { Promises } from "./promises.js";

export interface IdentityRunOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly nodes: number;
  readonly writers: number;
  /** Called with what happened in each round. */
  readonly onRound?: (text: string) => void;
}

export interface IdentityRun {
  /** Each is one too many. */
  readonly complaints: readonly string[];
  readonly acknowledged: number;
  readonly keysChecked: number;
  /** How many answers of each kind the clients got. */
  readonly answers: Readonly<Record<string, number>>;
  /** What happened, in order. */
  readonly mishaps: readonly string[];
}

const shards = 32;

export async function runIdentity({
  seed,
  rounds,
  nodes,
  writers,
  onRound = () => {},
}: IdentityRunOptions): Promise<IdentityRun> {
  const random = new Random(seed);
  const promises = new Promises(shards);
  const cluster = await HurtCluster.start({ nodes, shards });
  const { origin } = cluster;
  const clients = startFaithfulWriters({ origin, promises, random: random.fork(), writers });
  const happened: string[] = [];
  try {
    for (const mishap of plan(random.fork(), rounds)) {
      const text = await mishap.happen({ cluster, promises, random });
      await cluster.ready();
      happened.push(mishap.name);
      onRound(`${happened.length}. ${mishap.name}: ${text}; ${promises.acknowledgedCount} writes so far`);
      if (promises.complaints.length > 0) break;
    }
    await clients.stop();
    await checkAll(origin, promises);
    const answers = Object.fromEntries([...clients.counts].toSorted());
    const { complaints, acknowledgedCount: acknowledged } = promises;
    return { complaints, acknowledged, keysChecked: promises.keys.length, answers, mishaps: happened };
  } finally {
    await clients.stop();
    await cluster.stop();
  }
}

/** Every kind has its turn before any has a second one. */
function plan(random: Random, rounds: number): readonly Mishap[] {
  const all: Mishap[] = [];
  while (all.length < rounds) {
    const rest = [...mishaps];
    while (rest.length > 0) all.push(...rest.splice(random.between(0, rest.length - 1), 1));
  }
  return all.slice(0, rounds);
}

async function checkAll(origin: string, promises: Promises): Promise<void> {
  for (const key of promises.keys) {
    const { status, value, version } = await eventually(async () => {
      const answer = await getEntry(origin, key);
      if (answer.status !== 200 && answer.status !== 404) throw new Error(`${key} is answered with ${answer.status}.`);
      return answer;
    });
    promises.judge(key, status === 404 ? null : { value: Number(value), version: version ?? 0 });
  }
}
