/**
 * Entries that expire, in one shard of one store whose clock jumps and whose process restarts. The store keeps a mark,
 * the largest expiry that it has treated as passed, and judges by the larger of mark and clock; a sweep removes expired
 * entries, and the mark is lowered. A reader who was answered "gone" never sees the entry again, no write is
 * acknowledged whose entry is gone in the same moment, and the mark is never beyond the largest expiry of any entry.
 */
import type { Model, ModelState } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** What is remembered of a judgement, and whether it is durable before the answer. */
  readonly mark: "nothing" | "expiryInMemory" | "expiryDurable" | "clockDurable";
  /** What decides that a put is refused because its expiry has passed. */
  readonly putJudgedBy: "clock" | "clockAndMark";
  /** When a sweep lowers the mark. */
  readonly markFalls: "whenAllIsRemoved" | "atEachSweep";
}

interface State extends ModelState {
  clock: number;
  jumps: number;
  restarts: number;
  mark: number;
  durableMark: number;
  /** The moment of expiry of each entry; null: not written. */
  entries: (number | null)[];
  /** Whether a reader was answered that the entry is gone. */
  saidGone: boolean[];
}

const clockMax = 3;
/** Two entries, and their possible moments of expiry. */
const expiries = [1, 2] as const;

function model(changed: Partial<Rules>): Model<State> {
  const rules: Rules = {
    mark: "expiryDurable",
    putJudgedBy: "clockAndMark",
    markFalls: "whenAllIsRemoved",
    ...changed,
  };
  const judgedBy = (state: State): number => Math.max(state.clock, rules.mark === "nothing" ? 0 : state.mark);
  const initial: State = {
    broken: null,
    clock: 0,
    jumps: 0,
    restarts: 0,
    mark: 0,
    durableMark: 0,
    entries: [null, null],
    saidGone: [false, false],
  };

  function put(state: State, entry: number, expiresAt: number): void {
    const now = rules.putJudgedBy === "clock" ? state.clock : judgedBy(state);
    if (expiresAt <= now) return;
    state.entries[entry] = expiresAt;
    state.saidGone[entry] = false;
    if (expiresAt <= judgedBy(state)) state.broken = `entry ${entry} is acknowledged and gone in the same moment`;
  }

  function read(state: State, entry: number, expiresAt: number): void {
    const now = judgedBy(state);
    if (expiresAt > now) {
      if (state.saidGone[entry] === true) state.broken = `entry ${entry} was gone and is seen again`;
      return;
    }
    state.saidGone[entry] = true;
    if (rules.mark === "nothing") return;
    state.mark = Math.max(state.mark, rules.mark === "clockDurable" ? now : expiresAt);
    if (rules.mark !== "expiryInMemory") state.durableMark = state.mark;
  }

  /** Removes at most one entry, as a sweep with a bound does. */
  function sweep(state: State): void {
    const isPassed = (expiresAt: number | null): boolean => expiresAt !== null && expiresAt <= judgedBy(state);
    const first = state.entries.findIndex(isPassed);
    if (first !== -1) state.entries[first] = null;
    if (rules.markFalls === "whenAllIsRemoved" && state.entries.some(isPassed)) return;
    Object.assign(state, { mark: 0, durableMark: 0 });
  }

  return {
    initial,
    next(state, { step, fault }) {
      if (state.clock < clockMax) step(`the clock goes on to ${state.clock + 1}`, (copy) => void copy.clock++);
      if (state.jumps < 1 && state.clock > 0) {
        fault("the clock jumps back to 0", (copy) => Object.assign(copy, { clock: 0, jumps: 1 }));
      }
      if (state.restarts < 1) {
        fault("the process restarts", (copy) => Object.assign(copy, { restarts: 1, mark: copy.durableMark }));
      }
      step("a sweep removes an entry", sweep);
      for (const [entry, expiresAt] of state.entries.entries()) {
        for (const at of expiries) step(`entry ${entry} is put to expire at ${at}`, (copy) => put(copy, entry, at));
        if (expiresAt !== null) step(`entry ${entry} is read`, (copy) => read(copy, entry, expiresAt));
      }
    },
    violation: (state) =>
      state.mark > Math.max(...expiries) ? `the mark ${state.mark} is beyond every expiry that there ever was` : null,
  };
}

const { shortHolds, shortBreaks } = variantsOf(model);

export const expiryVariants = [
  shortHolds("the largest expiry judged as passed is durable before the answer, and judges puts too", {}),
  shortBreaks("entries are judged by the clock alone", { mark: "nothing" }),
  shortBreaks("the mark is kept in memory only", { mark: "expiryInMemory" }),
  shortBreaks("the mark is the clock of the judgement", { mark: "clockDurable" }),
  shortBreaks("a put is judged by the clock alone", { putJudgedBy: "clock" }),
  shortBreaks("the mark falls while entries that were judged by it are still there", { markFalls: "atEachSweep" }),
];
