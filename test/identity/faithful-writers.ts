/**
 * Clients that write, read and try outdated conditions while a cluster is hurt, and keep account of what they were
 * promised. Each key has one writer, so that every answer can be judged at once.
 */
import { Random } from "../linearizability/random.js";
import { getEntry, putEntry, type PutAnswer } from "../support/data-calls.js";
import type { Promises } from "./promises.js";

export interface WriterParts {
  readonly origin: string;
  readonly promises: Promises;
  readonly random: Random;
  readonly writers: number;
}

export interface FaithfulWriters {
  /** How many answers of each kind there were. */
  readonly counts: ReadonlyMap<string, number>;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

const keysPerWriter = 60;
/** Between two requests of one writer, so that the machine stays usable. */
const pauseMs = 4;
/** Answers that say that nothing was written, or that do not say what was read. */
const bearable: ReadonlySet<number> = new Set([429, 503, 507]);

export function startFaithfulWriters({ origin, promises, random, writers }: WriterParts): FaithfulWriters {
  const counts = new Map<string, number>();
  const running = { isOver: false };
  const work = Array.from({ length: writers }, async (_, number) => {
    const writer = new Writer({ origin, promises, random: random.fork(), number, counts });
    while (!running.isOver) {
      await writer.doSomething();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  });
  return {
    counts,
    async stop() {
      running.isOver = true;
      await Promise.all(work);
    },
  };
}

interface OneWriterParts extends Omit<WriterParts, "writers"> {
  readonly number: number;
  readonly counts: Map<string, number>;
}

class Writer {
  readonly #parts: OneWriterParts;
  /** Of each key's place: how often its key was given up and replaced by a new one. */
  readonly #generations = new Map<number, number>();
  #lastValue = 0;

  constructor(parts: OneWriterParts) {
    this.#parts = parts;
  }

  /** Never rejects for what a gateway does. */
  async doSomething(): Promise<void> {
    const { random, promises } = this.#parts;
    const key = this.#key();
    const versions = promises.versionsOf(key);
    if (random.chance(0.3)) return this.#read(key);
    if (versions.length > 1 && random.chance(0.2)) return this.#putOutdated(key, versions[0] ?? 0);
    const current = versions.at(-1);
    return this.#put(key, current !== undefined && random.chance(0.5) ? current : null);
  }

  /** A key that was given up is never used again. */
  #key(): string {
    const { random, promises, number } = this.#parts;
    const place = random.between(1, keysPerWriter);
    for (;;) {
      const generation = this.#generations.get(place) ?? 0;
      const key = `writer${number}/${place}/${generation}`;
      if (!promises.isGivenUp(key)) return key;
      this.#generations.set(place, generation + 1);
    }
  }

  async #put(key: string, ifVersion: number | null): Promise<void> {
    const { promises } = this.#parts;
    const value = ++this.#lastValue;
    const answer = await this.#send(key, value, ifVersion);
    this.#count("put", answer);
    if (answer === "not sent") return;
    if (answer === "no answer" || answer.status === 504) return promises.unknown(key, value);
    if (answer.version !== null) return promises.acknowledge(key, value, answer.version);
    if (answer.status === 412) return this.#read(key);
    this.#bear("put", key, answer);
  }

  async #putOutdated(key: string, outdated: number): Promise<void> {
    const answer = await this.#send(key, ++this.#lastValue, outdated);
    this.#count("outdated put", answer);
    if (typeof answer === "string" || answer.status === 412 || answer.status === 504) return;
    if (answer.version !== null) return this.#parts.promises.overwritten(key, outdated, answer.version);
    this.#bear("outdated put", key, answer);
  }

  async #read(key: string): Promise<void> {
    const { origin, promises } = this.#parts;
    const answer = await getEntry(origin, key).catch(failureOf);
    this.#count("read", answer);
    if (typeof answer === "string") return;
    if (answer.status === 404) return promises.judge(key, null);
    if (answer.version !== null) return promises.judge(key, { value: Number(answer.value), version: answer.version });
    this.#bear("read", key, answer);
  }

  #send(key: string, value: number, ifVersion: number | null): Promise<PutAnswer | NoAnswer> {
    const condition = ifVersion === null ? {} : { ifVersion };
    return putEntry(this.#parts.origin, key, { value, ...condition }).catch(failureOf);
  }

  #bear(deed: string, key: string, { status, code }: Pick<PutAnswer, "status" | "code">): void {
    if (!bearable.has(status))
      this.#parts.promises.complaints.push(`${deed} of ${key} was answered with ${status} ${code}`);
  }

  #count(deed: string, answer: { readonly status: number } | NoAnswer): void {
    const { counts } = this.#parts;
    const kind = `${deed}: ${typeof answer === "string" ? answer : answer.status}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
}

/** What became of a request that was not answered: whether the gateway can have got it. */
type NoAnswer = "not sent" | "no answer";

async function failureOf(error: unknown): Promise<NoAnswer> {
  // The gateway is away for a moment.
  await new Promise((resolve) => setTimeout(resolve, 10 * pauseMs));
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED" ? "not sent" : "no answer";
}
