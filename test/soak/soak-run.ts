/**
 * A soak from beginning to end: warm-up, rest, load under faults, rest, and the last look at every promise. Phases have
 * lengths in time, because what is measured is growth over time.
 */
import { graphqlData } from "../support/gateway-calls.js";
import { eventually } from "../support/processes.js";
import { Random } from "../linearizability/random.js";
import { Answers, GatewayCalls } from "./gateway-calls.js";
import { Ledger } from "./ledger.js";
import { Counters, doSomething, ttlKey, ttlKeys, workers } from "./load.js";
import { SoakedCluster } from "./soaked-cluster.js";
import { judge, type Finding, type Phase, type Sample } from "./verdict.js";

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Told what begins. */
  readonly onProgress?: (text: string) => void;
}

export interface SoakResult {
  readonly seed: number;
  readonly minutes: number;
  readonly isGood: boolean;
  readonly findings: readonly Finding[];
  /** Each is one too many. */
  readonly complaints: readonly string[];
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  readonly keysChecked: number;
  readonly samples: readonly Sample[];
}

/** A fifth of the time fills caches and compiles code; it is not judged. */
const warmUpShare = 0.2;
/** What a worker waits between two deeds, so that the machine stays usable. */
const pauseMs = 5;
/** About so many samples are taken under load, and not more often than every second. */
const samplesWanted = 300;
const samplePauseMsMin = 1_000;
/** Connections that nobody uses are closed by their clients within seconds. */
const settleMsMax = 60_000;

export async function soak({ seed, minutes, onProgress = () => {} }: SoakOptions): Promise<SoakResult> {
  onProgress(`${minutes} minutes, seed ${seed}`);
  const cluster = await SoakedCluster.start();
  try {
    const run = new SoakRun(cluster, seed, minutes * 60_000);
    onProgress("warm-up");
    await run.load("warmUp", warmUpShare);
    await run.rest();
    onProgress("load under faults");
    await run.load("load", 1 - warmUpShare);
    onProgress("last look");
    await run.rest();
    const keysChecked = await run.checkPromises();
    await cluster.stop();
    const findings = judge(run.samples);
    const complaints = [...run.answers.complaints, ...run.complaints, ...cluster.complaints];
    const isGood = complaints.length === 0 && findings.every((finding) => finding.isGood);
    const answers = Object.fromEntries([...run.answers.counts].toSorted());
    const { faults, samples } = run;
    return { seed, minutes, isGood, findings, complaints, answers, faults, keysChecked, samples };
  } finally {
    await cluster.stop();
  }
}

class SoakRun {
  readonly answers = new Answers();
  readonly complaints: string[] = [];
  readonly faults: string[] = [];
  readonly samples: Sample[] = [];
  readonly #cluster: SoakedCluster;
  readonly #random: Random;
  readonly #totalMs: number;
  readonly #ledger = new Ledger();
  readonly #counters = new Counters();
  readonly #startMs = performance.now();
  #lastValue = 0;

  constructor(cluster: SoakedCluster, seed: number, totalMs: number) {
    this.#cluster = cluster;
    this.#random = new Random(seed);
    this.#totalMs = totalMs;
  }

  async load(phase: Exclude<Phase, "rest">, share: number): Promise<void> {
    const forMs = this.#totalMs * share;
    const over = new AbortController();
    const isOver = (): boolean => over.signal.aborted;
    const timer = setTimeout(() => over.abort(), forMs);
    const background = [
      this.#sampleUntil(isOver, phase, Math.max(samplePauseMsMin, forMs / samplesWanted)),
      phase === "load" ? this.#hurtUntil(over.signal) : null,
    ];
    try {
      await Promise.all(Array.from({ length: workers }, (_, index) => this.#work(index + 1, isOver)));
    } finally {
      clearTimeout(timer);
      over.abort();
      await Promise.all(background);
    }
    await this.#cluster.ready();
  }

  /** Waits until nothing changes any more, and takes the sample that counts. */
  async rest(): Promise<void> {
    const untilMs = performance.now() + settleMsMax;
    let before: string | null = null;
    for (let unchanged = 0; unchanged < 3;) {
      await after(2_000);
      const samples = await this.#sample("rest");
      const figures = JSON.stringify(
        samples.map(({ files, timers, handles, queued }) => [files, timers, handles, queued]),
      );
      unchanged = figures === before ? unchanged + 1 : 0;
      before = figures;
      if (unchanged < 3 && performance.now() < untilMs) continue;
      this.samples.push(...samples);
      return;
    }
  }

  /** Reads everything that was written; resolves to how many keys that were. */
  async checkPromises(): Promise<number> {
    const { keys } = this.#ledger;
    for (let start = 0; start < keys.length; start += 200) {
      const page = keys.slice(start, start + 200);
      for (const [index, read] of (await this.#read(page)).entries()) {
        const key = page[index] ?? "";
        const value = read === null ? null : { value: read.value.number ?? 0, version: Number(read.version) };
        this.#complain(this.#ledger.complaint(key, value));
      }
    }
    const counts = await this.#read(this.#counters.keys);
    for (const [index, key] of this.#counters.keys.entries()) {
      this.#complain(this.#counters.complaint(key, Number(counts[index]?.value ?? 0)));
    }
    const expired = await this.#read(Array.from({ length: ttlKeys }, (_, index) => ttlKey(index)));
    const left = expired.filter((entry) => entry !== null).length;
    this.#complain(left === 0 ? null : `${left} entries outlived their expiry`);
    return keys.length + this.#counters.keys.length + ttlKeys;
  }

  async #work(worker: number, isOver: () => boolean): Promise<void> {
    const { origin } = this.#cluster;
    const { answers } = this;
    const calls = new GatewayCalls(origin, answers);
    const parts = {
      origin,
      answers,
      worker,
      calls,
      ledger: this.#ledger,
      counters: this.#counters,
      random: this.#random.fork(),
      nextValue: () => ++this.#lastValue,
    };
    while (!isOver()) {
      await doSomething(parts);
      await after(pauseMs);
    }
    await calls.close();
  }

  /** One fault after the other, each for some seconds, with some seconds of peace between them. */
  async #hurtUntil(over: AbortSignal): Promise<void> {
    const random = this.#random.fork();
    const wait = (ms: number): Promise<void> => after(ms, over);
    await wait(3_000);
    while (!over.aborted) {
      const fault = random.pick(this.#cluster.faults);
      this.faults.push(`${Math.round((performance.now() - this.#startMs) / 1000)} s: ${fault.kind} ${fault.process}`);
      await this.#cluster.begin(fault);
      await wait(random.between(1_000, 6_000));
      await this.#cluster.end(fault);
      await wait(random.between(4_000, 20_000));
    }
  }

  async #sampleUntil(isOver: () => boolean, phase: Phase, everyMs: number): Promise<void> {
    while (!isOver()) {
      this.samples.push(...(await this.#sample(phase)));
      await after(everyMs);
    }
  }

  #sample(phase: Phase): Promise<readonly Sample[]> {
    return this.#cluster.sample(phase, Math.round(performance.now() - this.#startMs));
  }

  /** Tries again until every shard answers. */
  #read(keys: readonly string[]): Promise<readonly (LastRead | null)[]> {
    const document = `query ($keys: [String!]!) {
      entries(keys: $keys) { __typename ... on Entry { value version } ... on Problem { code } } }`;
    return eventually(async () => {
      const data = await graphqlData<{ entries: readonly (LastRead & { readonly __typename: string })[] }>(
        this.#cluster.origin,
        document,
        { keys },
      );
      return data.entries.map((entry) => {
        if (entry.__typename === "Entry") return entry;
        if (entry.__typename === "KeyNotFound") return null;
        throw new Error(`A key cannot be read in the end: ${JSON.stringify(entry)}`);
      });
    });
  }

  #complain(text: string | null): void {
    if (text !== null) this.complaints.push(text);
  }
}

interface LastRead {
  readonly value: { readonly number?: number };
  readonly version: string;
}

/** Resolves after the time, or at once when it is over. */
function after(ms: number, over?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      over?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    over?.addEventListener("abort", end);
    if (over?.aborted === true) end();
  });
}
