/**
 * Explores every reachable state of a small model of a protocol, breadth first, so that the trace to a broken rule is
 * as short as possible. It answers two questions: can anything go wrong (with any number of faults), and can the goal
 * still be reached from every state without a further fault. A state is plain JSON; each step changes a copy of it.
 */

export interface ModelState {
  /** What went wrong before this state; null: nothing. */
  broken: string | null;
}

export interface Steps<State> {
  /** A step that may happen next, and its effect. */
  step(label: string, change: (copy: State) => void): void;
  /** A crash, a loss or a delay: it may happen, but no progress may depend on it. */
  fault(label: string, change: (copy: State) => void): void;
}

export interface Model<State extends ModelState> {
  readonly initial: State;
  /** Reports all possible steps in `state`, which it does not modify. */
  next(state: State, steps: Steps<State>): void;
  /** What is wrong with the state itself; null: nothing. */
  violation?(state: State): string | null;
  /** Absent: progress is not checked. */
  goal?(state: State): boolean;
}

export interface Finding {
  readonly kind: "holds" | "breaks" | "unfinished";
  readonly states: number;
  /** The broken rule. */
  readonly why: string;
  /** The labels of the steps that lead to it. */
  readonly trace: readonly string[];
}

const statesMaxByDefault = 1_500_000;
const faultMark = "(fault) ";

export function explore<State extends ModelState>(model: Model<State>, statesMax = statesMaxByDefault): Finding {
  const found = new FoundStates();
  const goals: number[] = [];
  const progress: [from: number, to: number][] = [];
  found.add(JSON.stringify(model.initial), -1, "");
  for (let id = 0; id < found.size; id++) {
    if (found.size > statesMax) return found.finding("unfinished", `more than ${statesMax} states`, null);
    const text = found.text(id);
    const state = JSON.parse(text) as State;
    const why = state.broken ?? model.violation?.(state) ?? null;
    if (why !== null) return found.finding("breaks", why, id);
    if (model.goal?.(state) === true) goals.push(id);
    const reach = (label: string, change: (copy: State) => void): number => {
      const copy = JSON.parse(text) as State;
      change(copy);
      return found.add(JSON.stringify(copy), id, label);
    };
    model.next(state, {
      step: (label, change) => {
        const to = reach(label, change);
        if (model.goal !== undefined && to !== id) progress.push([id, to]);
      },
      fault: (label, change) => void reach(faultMark + label, change),
    });
  }
  if (model.goal === undefined) return found.finding("holds", "", null);
  const stuck = firstStuck(found.size, goals, progress);
  if (stuck === null) return found.finding("holds", "", null);
  return found.finding("breaks", "the goal cannot be reached any more without a further fault", stuck);
}

/** Every state once, as text, with the step that reached it first. */
class FoundStates {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #from: number[] = [];
  readonly #labels: string[] = [];

  get size(): number {
    return this.#texts.length;
  }

  text(id: number): string {
    return this.#texts[id] ?? "";
  }

  /** The state's id, whether it is new or not. */
  add(text: string, from: number, label: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#texts.push(text) - 1;
    this.#ids.set(text, id);
    this.#from.push(from);
    this.#labels.push(label);
    return id;
  }

  finding(kind: Finding["kind"], why: string, at: number | null): Finding {
    const trace: string[] = [];
    for (let id = at ?? 0; id > 0; id = this.#from[id] ?? 0) trace.unshift(this.#labels[id] ?? "");
    return { kind, states: this.size, why, trace };
  }
}

/** The first state from which no goal can be reached; null when there is none. */
function firstStuck(
  size: number,
  goals: readonly number[],
  progress: readonly (readonly [from: number, to: number])[],
): number | null {
  const before = new Map<number, number[]>();
  for (const [from, to] of progress) {
    const list = before.get(to);
    if (list === undefined) before.set(to, [from]);
    else list.push(from);
  }
  const isGood = new Uint8Array(size);
  for (const goal of goals) isGood[goal] = 1;
  const todo = [...goals];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    for (const earlier of before.get(id) ?? []) {
      if (isGood[earlier] === 1) continue;
      isGood[earlier] = 1;
      todo.push(earlier);
    }
  }
  const stuck = isGood.indexOf(0);
  return stuck === -1 ? null : stuck;
}
