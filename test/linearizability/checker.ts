/**
 * Whether a history of one object is linearizable: whether its operations can be put into one sequence that the object,
 * used by one client at a time, would answer in the same way, and in which an operation that returned before another
 * was called also comes before it. The search is that of Wing and Gong ("Testing and verifying concurrent objects",
 * Journal of Parallel and Distributed Computing 17, 1993) with Lowe's memory of configurations, which are the placed
 * operations and the resulting state ("Testing for linearizability", Concurrency and Computation 29(4), 2017). A model
 * describes the object; several objects can be checked one by one (Herlihy and Wing's locality).
 */

/** An object used by one client at a time. */
export interface Model<State, Operation> {
  readonly initial: State;
  /** The state after the operation; null when its answer would have been different. */
  next(state: State, operation: Operation): State | null;
  /** The same text for equal states. */
  identify(state: State): string;
}

export interface Interval<Operation> {
  readonly operation: Operation;
  readonly calledAt: number;
  /** Null when the outcome is unknown: the operation may take effect at any time after the call, or never. */
  readonly returnedAt: number | null;
  /** Operations of unknown outcome with the same text differ only in the moment of their call. */
  readonly likeness: string;
}

export type Verdict<Operation> =
  | { readonly kind: "linearizable" }
  | ({ readonly kind: "violated" } & Farthest<Operation>)
  /** The search became too long. */
  | { readonly kind: "undecided"; readonly configurations: number };

/**
 * The longest sequence that was found: its length, its end, and the operations of which one would have to come next.
 */
interface Farthest<Operation> {
  readonly length: number;
  readonly last: readonly Operation[];
  readonly stuck: readonly Operation[];
}

/** Operations shown before the point where the search got stuck. */
const lastMax = 8;

/** A bound on memory, far more than any history in the tests needs. */
const configurationsMaxDefault = 3_000_000;

export function linearize<State, Operation>(
  model: Model<State, Operation>,
  intervals: readonly Interval<Operation>[],
  configurationsMax = configurationsMaxDefault,
): Verdict<Operation> {
  const sequence = new Sequence(intervals);
  const seen = new Configurations(configurationsMax);
  const frames = [stepsFrom(model, model.initial, sequence).values()];
  let farthest = farthestOf(sequence);
  while (!sequence.isComplete) {
    const steps = frames.at(-1);
    if (steps === undefined) return { kind: "violated", ...farthest };
    const { value: step, done } = steps.next();
    if (done === true) {
      frames.pop();
      sequence.takeBack();
      continue;
    }
    sequence.place(step.candidate);
    if (!seen.add(`${sequence.identify()} ${model.identify(step.state)}`, sequence.taken)) {
      sequence.takeBack();
      continue;
    }
    if (seen.isFull) return { kind: "undecided", configurations: configurationsMax };
    if (sequence.length > farthest.length) farthest = farthestOf(sequence);
    frames.push(stepsFrom(model, step.state, sequence).values());
  }
  return { kind: "linearizable" };
}

interface Step<State, Operation> {
  readonly candidate: Candidate<Operation>;
  readonly state: State;
}

/**
 * The possible next operations. An answered operation that fits and changes nothing, such as a read, is the only one:
 * putting it first takes no possibility from the others.
 */
function stepsFrom<State, Operation>(
  model: Model<State, Operation>,
  state: State,
  sequence: Sequence<Operation>,
): readonly Step<State, Operation>[] {
  const identity = model.identify(state);
  const steps: Step<State, Operation>[] = [];
  for (const candidate of sequence.candidates()) {
    const next = model.next(state, candidate.interval.operation);
    if (next === null) continue;
    const step = { candidate, state: next };
    if (candidate.interval.returnedAt !== null && model.identify(next) === identity) return [step];
    steps.push(step);
  }
  return steps;
}

/**
 * The configurations that were tried. Of two ways to the same state with the same answered operations, the one that
 * took fewer of the unknown outcomes can continue in every way that the other can; so the other need not be tried after
 * it.
 */
class Configurations {
  readonly #taken = new Map<string, (readonly number[])[]>();
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#count >= this.#max;
  }

  /** False when there is nothing new in it. */
  add(configuration: string, taken: readonly number[]): boolean {
    const known = this.#taken.get(configuration) ?? [];
    if (known.some((other) => other.every((count, index) => count <= (taken[index] ?? 0)))) return false;
    this.#taken.set(configuration, [...known, taken]);
    this.#count++;
    return true;
  }
}

interface Candidate<Operation> {
  readonly interval: Interval<Operation>;
  /** Its index among the answered operations, or among those with an unknown outcome of its kind. */
  readonly index: number;
}

/** The operations placed so far, and which may come next. */
class Sequence<Operation> {
  /** In the order of their calls. */
  readonly #answered: readonly Interval<Operation>[];
  readonly #isPlaced: boolean[];
  /**
   * Those of unknown outcome by likeness, each kind in the order of calls: only the first remaining one is ever tried.
   */
  readonly #unanswered: readonly (readonly Interval<Operation>[])[];
  readonly #taken: number[];
  readonly #placed: Candidate<Operation>[] = [];
  /** The first answered operation that is not placed. */
  #first = 0;
  #answeredPlaced = 0;

  constructor(intervals: readonly Interval<Operation>[]) {
    const sorted = intervals.toSorted((a, b) => a.calledAt - b.calledAt);
    this.#answered = sorted.filter(({ returnedAt }) => returnedAt !== null);
    this.#isPlaced = this.#answered.map(() => false);
    const kinds = new Map<string, Interval<Operation>[]>();
    for (const interval of sorted.filter(({ returnedAt }) => returnedAt === null)) {
      const kind = kinds.get(interval.likeness);
      if (kind === undefined) kinds.set(interval.likeness, [interval]);
      else kind.push(interval);
    }
    this.#unanswered = [...kinds.values()];
    this.#taken = this.#unanswered.map(() => 0);
  }

  /** Whether every answered operation has been placed. */
  get isComplete(): boolean {
    return this.#answeredPlaced === this.#answered.length;
  }

  get length(): number {
    return this.#placed.length;
  }

  get last(): readonly Operation[] {
    return this.#placed.slice(-lastMax).map(({ interval }) => interval.operation);
  }

  /**
   * All operations that were called before the first return among the remaining ones. Unknown outcomes come last, for
   * answers that nothing else explains.
   */
  candidates(): readonly Candidate<Operation>[] {
    const candidates: Candidate<Operation>[] = [];
    let firstReturn = Infinity;
    for (let index = this.#first; index < this.#answered.length; index++) {
      const interval = this.#answered[index];
      if (interval === undefined || interval.calledAt > firstReturn) break;
      if (this.#isPlaced[index] === true) continue;
      candidates.push({ interval, index });
      firstReturn = Math.min(firstReturn, interval.returnedAt ?? Infinity);
    }
    for (const [index, kind] of this.#unanswered.entries()) {
      const interval = kind[this.#taken[index] ?? 0];
      if (interval !== undefined && interval.calledAt <= firstReturn) candidates.push({ interval, index });
    }
    return candidates;
  }

  place(candidate: Candidate<Operation>): void {
    this.#placed.push(candidate);
    this.#mark(candidate, true);
    while (this.#isPlaced[this.#first] === true) this.#first++;
  }

  /** Removes the operation that was placed last; nothing when there is none. */
  takeBack(): void {
    const candidate = this.#placed.pop();
    if (candidate === undefined) return;
    this.#mark(candidate, false);
    if (candidate.interval.returnedAt !== null) this.#first = Math.min(this.#first, candidate.index);
  }

  /** How many unknown outcomes of each kind have been placed. */
  get taken(): readonly number[] {
    return [...this.#taken];
  }

  /** The same text for the same set of answered operations: all before `first`, and some after it. */
  identify(): string {
    const beyond: number[] = [];
    for (let index = this.#first; this.#first + beyond.length < this.#answeredPlaced; index++) {
      if (this.#isPlaced[index] === true) beyond.push(index);
    }
    return `${this.#first}+${beyond.join()}`;
  }

  #mark({ interval, index }: Candidate<Operation>, isPlaced: boolean): void {
    const change = isPlaced ? 1 : -1;
    if (interval.returnedAt === null) {
      this.#taken[index] = (this.#taken[index] ?? 0) + change;
    } else {
      this.#isPlaced[index] = isPlaced;
      this.#answeredPlaced += change;
    }
  }
}

function farthestOf<Operation>(sequence: Sequence<Operation>): Farthest<Operation> {
  const { length, last } = sequence;
  return { length, last, stuck: sequence.candidates().map(({ interval }) => interval.operation) };
}
