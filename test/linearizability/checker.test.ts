/** Compares the checker with known valid and invalid histories, and with the definition on thousands of tiny ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLinearizable } from "./brute-force.js";
import { checkHistory } from "./check-history.js";
import { linearize } from "./checker.js";
import { entryModel, intervalsOf } from "./entry-model.js";
import { historyFromText, historyToText, Recorder, type Action, type Call, type Result } from "./history.js";

const get: Action = { kind: "get" };
const put = (value: number): Action => ({ kind: "put", value, condition: null });
const putIf = (value: number, version: number): Action => ({
  kind: "put",
  value,
  condition: { kind: "ifVersion", version },
});
const putIfAbsent = (value: number): Action => ({ kind: "put", value, condition: { kind: "ifAbsent" } });
const remove: Action = { kind: "delete", condition: null };
const removeIf = (version: number): Action => ({ kind: "delete", condition: { kind: "ifVersion", version } });

const found = (value: number, version: number): Result => ({ kind: "found", entry: { value, version } });
const notFound: Result = { kind: "notFound" };
const created = (version: number): Result => ({ kind: "written", isNew: true, version });
const replaced = (version: number): Result => ({ kind: "written", isNew: false, version });
const deleted = (version: number | null): Result => ({ kind: "deleted", version });
const conflict = (value: number | null, version: number): Result => ({
  kind: "conflict",
  current: { value, version },
});
const unknown: Result = { kind: "unknown", cause: "the answer was lost" };
const unavailable: Result = { kind: "refused", code: "SHARD_UNAVAILABLE" };

type Row = readonly [calledAt: number, returnedAt: number, action: Action, result: Result];

function history(rows: readonly Row[]): readonly Call[] {
  return rows.map(([calledAt, returnedAt, action, result], index) => {
    return { id: index + 1, key: "k", client: `client${index}`, action, calledAt, returnedAt, result };
  });
}

/** One after the other. */
function serial(...steps: readonly (readonly [Action, Result])[]): readonly Call[] {
  return history(steps.map(([action, result], index) => [index * 10, index * 10 + 5, action, result]));
}

const good: readonly (readonly [string, readonly Call[]])[] = [
  ["nothing", []],
  [
    "a life of an entry",
    serial(
      [get, notFound],
      [put(1), created(4)],
      [get, found(1, 4)],
      [putIf(2, 4), replaced(9)],
      [putIf(3, 4), conflict(2, 9)],
      [putIfAbsent(4), conflict(2, 9)],
      [removeIf(9), deleted(9)],
      [remove, notFound],
      [removeIf(9), { kind: "conflict", current: null }],
      [putIfAbsent(5), created(12)],
      [{ kind: "put", value: 6, condition: { kind: "ifPresent" } }, replaced(13)],
      [remove, deleted(13)],
      [
        { kind: "put", value: 7, condition: { kind: "ifPresent" } },
        { kind: "conflict", current: null },
      ],
      [
        { kind: "delete", condition: { kind: "ifPresent" } },
        { kind: "conflict", current: null },
      ],
    ),
  ],
  [
    "reads that see a concurrent write or do not",
    history([
      [0, 100, put(1), created(1)],
      [10, 20, get, notFound],
      [30, 40, get, found(1, 1)],
    ]),
  ],
  [
    "concurrent writes in the order of their versions, not of their calls",
    history([
      [0, 50, put(1), replaced(2)],
      [5, 50, put(2), created(1)],
      [60, 70, get, found(1, 2)],
    ]),
  ],
  ["an unknown write that never happens", serial([put(1), unknown], [get, notFound], [put(2), created(1)])],
  [
    "an unknown write that takes effect late",
    serial([put(1), unknown], [get, notFound], [put(2), created(5)], [get, found(2, 5)], [get, found(1, 8)]),
  ],
  [
    "an unknown deletion that takes effect late",
    serial([put(1), created(1)], [remove, unknown], [get, found(1, 1)], [get, notFound]),
  ],
  [
    "unknown writes that nobody saw, but for the version of one",
    serial([put(1), unknown], [put(2), unknown], [putIfAbsent(3), conflict(null, 7)], [remove, deleted(7)]),
  ],
  ["an unknown write that only `isNew` gives away", serial([put(1), unknown], [put(2), replaced(2)])],
  [
    "a compare-and-set on the version of an unknown write, learnt from a conflict",
    serial([put(1), unknown], [putIf(2, 9), conflict(null, 3)], [putIf(3, 3), replaced(4)], [get, found(3, 4)]),
  ],
  ["a refused write without effect", serial([put(1), unavailable], [get, notFound], [get, unavailable])],
  ["a read that nobody answered", serial([put(1), created(1)], [get, unknown], [get, found(1, 1)])],
  [
    "answers that leave out versions and values",
    serial(
      [put(1), { kind: "written", isNew: true, version: null }],
      [putIfAbsent(2), { kind: "conflict", current: { value: null, version: null } }],
      [get, { kind: "found", entry: { value: 1, version: null } }],
      [remove, deleted(null)],
    ),
  ],
];

const bad: readonly (readonly [string, readonly Call[]])[] = [
  ["a stale read", serial([put(1), created(1)], [put(2), replaced(2)], [get, found(2, 2)], [get, found(1, 1)])],
  [
    "a read that goes back while a write is under way",
    history([
      [0, 100, put(1), created(1)],
      [10, 20, get, found(1, 1)],
      [30, 40, get, notFound],
    ]),
  ],
  ["a lost write", serial([put(1), created(1)], [get, notFound])],
  [
    "a lost update",
    serial([put(1), created(1)], [putIf(2, 1), replaced(2)], [putIf(3, 1), replaced(3)], [get, found(3, 3)]),
  ],
  [
    "a deleted entry that comes back",
    serial([put(1), created(1)], [remove, deleted(1)], [get, notFound], [get, found(1, 1)]),
  ],
  [
    "two effects of one compare-and-set",
    serial([put(1), created(1)], [putIf(2, 1), unknown], [get, found(2, 2)], [put(3), replaced(3)], [get, found(2, 4)]),
  ],
  ["two effects of one put, told by the version", serial([put(1), created(2)], [get, found(1, 1)])],
  ["a version that is given twice", serial([put(1), created(1)], [remove, deleted(1)], [put(2), created(1)])],
  ["a version that falls", serial([put(1), created(5)], [put(2), replaced(3)])],
  [
    "a version that leaves no room for the unknown writes before it",
    serial([put(1), created(1)], [putIf(2, 1), unknown], [get, found(2, 2)], [put(3), replaced(2)]),
  ],
  ["the effect of a refused write", serial([put(1), unavailable], [get, found(1, 1)])],
  [
    "the effect of a refused deletion",
    serial([put(1), created(1)], [remove, { kind: "refused", code: "DRAINING" }], [get, notFound]),
  ],
  [
    "the effect of a write whose condition did not hold",
    serial([put(1), created(1)], [putIfAbsent(2), conflict(1, 1)], [get, found(2, 2)]),
  ],
  [
    "an order against real time",
    history([
      [0, 10, put(1), created(2)],
      [20, 30, put(2), replaced(1)],
    ]),
  ],
  ["a read before the write was called", serial([get, found(1, 1)], [put(1), created(1)])],
  ["an unknown write that is seen before it was called", serial([get, found(1, 1)], [put(1), unknown])],
  [
    "an unknown write that happens, is overwritten and happens again",
    serial([put(1), unknown], [get, found(1, 1)], [put(2), replaced(2)], [get, found(1, 1)]),
  ],
  ["a conflict without a cause", serial([put(1), created(1)], [putIf(2, 1), conflict(1, 1)])],
  ["a conflict of a put without a condition", serial([put(1), created(1)], [put(2), conflict(1, 1)])],
  ["a put that says it replaced nothing", serial([put(1), replaced(1)])],
  ["a deletion of what is not there", serial([remove, deleted(1)])],
  ["a deletion that finds nothing", serial([put(1), created(1)], [remove, notFound])],
  ["a put that is answered like a read", serial([put(1), notFound])],
  ["a read that is answered like a put", serial([get, created(1)])],
  ["a deletion that is answered like a put", serial([put(1), created(1)], [remove, created(2)])],
];

describe("the linearizability checker", () => {
  it.each(good)("accepts %s", (_, calls) => {
    expect(checkHistory(calls)).toEqual([]);
    expect(isLinearizable(calls.slice(0, 7))).toBe(true);
  });

  it.each(bad)("rejects %s", (_, calls) => {
    expect(checkHistory(calls)).toHaveLength(1);
    expect(isLinearizable(calls)).toBe(false);
  });

  it("checks each key by itself, and reports which one is wrong and where", () => {
    const other = serial([put(11), created(1)], [get, found(11, 1)]).map((call) => ({ ...call, key: "other" }));
    const [violation, ...more] = checkHistory([...serial([put(1), unavailable], [get, found(1, 1)]), ...other]);
    expect(more).toEqual([]);
    expect(violation?.key).toBe("k");
    expect(violation?.text).toContain("Operation 2 saw what operation 1 was refused.");
    expect(violation?.text).toMatch(/None of these can come next:\n {2}2 by client1 \[10, 15\] .*"get"/);
  });

  it("requires a distinct value in each put", () => {
    expect(() => checkHistory(serial([put(1), created(1)], [put(1), replaced(2)]))).toThrow(/Two puts write 1/);
  });

  it("reports when it cannot decide, instead of guessing", () => {
    const intervals = intervalsOf(serial([put(1), created(1)], [get, found(1, 1)], [get, found(1, 1)]));
    expect(linearize(entryModel, intervals, 2)).toEqual({ kind: "undecided", configurations: 2 });
  });

  it("decides long histories of one key quickly, with many unknown outcomes", () => {
    const random = fc.sample(execution({ length: 1200, overlap: 12, lossPercent: 3 }), { numRuns: 1, seed: 1 });
    const calls = random.flat();
    expect(calls.filter(({ result }) => result.kind === "unknown").length).toBeGreaterThan(20);
    expect(checkHistory(calls)).toEqual([]);
    const last = calls.findLast(({ result }) => result.kind === "found");
    const broken = calls.map((call) => (call === last ? { ...call, result: found(1, 1) } : call));
    expect(checkHistory(broken)).toHaveLength(1);
  });
});

/** The random choices for one step of an execution. */
interface Draw {
  readonly kind: "get" | "put" | "putIf" | "putIfAbsent" | "putIfPresent" | "delete" | "deleteIf";
  readonly isCurrent: boolean;
  readonly gap: number;
  readonly before: number;
  readonly after: number;
  readonly fate: number;
  readonly isVersionTold: boolean;
}

interface Shape {
  readonly length: number;
  /** How far an operation extends beyond the moment at which it takes effect, in steps. */
  readonly overlap: number;
  readonly lossPercent: number;
}

/** A sequential execution of one entry, in which each operation was called earlier and returned later at random. */
function execution({ length, overlap, lossPercent }: Shape): fc.Arbitrary<readonly Call[]> {
  const draw: fc.Arbitrary<Draw> = fc.record({
    kind: fc.constantFrom("get", "put", "putIf", "putIfAbsent", "putIfPresent", "delete", "deleteIf"),
    isCurrent: fc.boolean(),
    gap: fc.integer({ min: 1, max: 3 }),
    before: fc.nat(overlap * 10),
    after: fc.nat(overlap * 10),
    fate: fc.nat(99),
    isVersionTold: fc.boolean(),
  });
  return fc.array(draw, { minLength: Math.min(length, 1), maxLength: length, size: "max" }).map((draws) => {
    const wanted = length > 100 ? Array.from({ length }, (_, index) => draws[index % draws.length]) : draws;
    return executed(
      wanted.flatMap((one) => one ?? []),
      lossPercent,
    );
  });
}

function executed(draws: readonly Draw[], lossPercent: number): readonly Call[] {
  let entry: { readonly value: number; readonly version: number } | null = null;
  let lastVersion = 0;
  return draws.map((draw, index): Call => {
    const at = (index + 1) * 10;
    const action = actionOf(draw, index + 1, draw.isCurrent ? (entry?.version ?? 1) : Math.max(1, lastVersion - 1));
    const isLost = draw.fate < lossPercent;
    const isRefused = draw.fate >= 100 - lossPercent;
    const isExecuted = !isRefused && !(isLost && draw.isVersionTold);
    let result: Result = notFound;
    if (isExecuted) {
      const condition: Extract<Action, { kind: "put" }>["condition"] = action.kind === "get" ? null : action.condition;
      const isHeld: boolean =
        condition === null ||
        (condition.kind === "ifAbsent" && entry === null) ||
        (condition.kind === "ifPresent" && entry !== null) ||
        (condition.kind === "ifVersion" && entry?.version === condition.version);
      if (!isHeld) result = { kind: "conflict", current: entry };
      else if (action.kind === "get") result = entry === null ? notFound : { kind: "found", entry };
      else if (action.kind === "put") {
        lastVersion += draw.gap;
        result = { kind: "written", isNew: entry === null, version: lastVersion };
        entry = { value: action.value, version: lastVersion };
      } else if (entry !== null) {
        result = { kind: "deleted", version: draw.isVersionTold ? entry.version : null };
        entry = null;
      }
    }
    return {
      id: index + 1,
      key: "k",
      client: `client${index % 7}`,
      action,
      calledAt: at - draw.before,
      returnedAt: at + draw.after,
      result: isLost ? unknown : isRefused ? unavailable : result,
    };
  });
}

function actionOf(draw: Draw, value: number, version: number): Action {
  switch (draw.kind) {
    case "put":
      return put(value);
    case "putIf":
      return putIf(value, version);
    case "putIfAbsent":
      return putIfAbsent(value);
    case "putIfPresent":
      return { kind: "put", value, condition: { kind: "ifPresent" } };
    case "delete":
      return remove;
    case "deleteIf":
      return removeIf(version);
    default:
      return get;
  }
}

/** The history with one answer, or one moment, exchanged for another that occurs in it. */
function mutated(calls: readonly Call[], first: number, second: number, isAnswer: boolean): readonly Call[] {
  const [from, to] = [calls[first % calls.length], calls[second % calls.length]];
  if (from === undefined || to === undefined) return calls;
  const change = isAnswer
    ? { result: from.result }
    : { calledAt: from.calledAt, returnedAt: Math.max(from.calledAt, from.returnedAt) };
  return calls.map((call) => (call === to ? { ...call, ...change } : call));
}

describe("the checker, on random histories", () => {
  const numRuns = 10_000;

  it("accepts every execution, however its operations overlap", () => {
    const property = fc.property(execution({ length: 40, overlap: 6, lossPercent: 12 }), (calls) => {
      expect(checkHistory(calls)).toEqual([]);
    });
    fc.assert(property, { numRuns: 1500 });
  });

  it("agrees with the definition on tiny ones, generated and mutated", () => {
    const verdicts = { good: 0, bad: 0 };
    const tiny = fc.tuple(
      execution({ length: 6, overlap: 2, lossPercent: 20 }),
      fc.nat(5),
      fc.nat(5),
      fc.boolean(),
      fc.boolean(),
    );
    const property = fc.property(tiny, ([calls, first, second, isAnswer, isMutated]) => {
      const tried = isMutated ? mutated(calls, first, second, isAnswer) : calls;
      const isGood = isLinearizable(tried);
      verdicts[isGood ? "good" : "bad"]++;
      expect(checkHistory(tried).length === 0).toBe(isGood);
    });
    fc.assert(property, { numRuns });
    expect(verdicts.good).toBeGreaterThan(numRuns / 4);
    expect(verdicts.bad).toBeGreaterThan(numRuns / 20);
  });

  it("agrees with the definition on random answers", () => {
    const version = fc.integer({ min: 1, max: 4 });
    const value = fc.integer({ min: 1, max: 4 });
    const shown = fc.record({ value: fc.option(value), version: fc.option(version) });
    const condition = fc.option(
      fc.oneof(
        version.map((number) => ({ kind: "ifVersion" as const, version: number })),
        fc.constant({ kind: "ifAbsent" as const }),
        fc.constant({ kind: "ifPresent" as const }),
      ),
    );
    const answer: fc.Arbitrary<Result> = fc.oneof(
      fc.constant(notFound),
      fc.constant(unknown),
      fc.constant(unavailable),
      fc.record({ kind: fc.constant("found" as const), entry: shown }),
      fc.record({ kind: fc.constant("written" as const), isNew: fc.boolean(), version: fc.option(version) }),
      fc.record({ kind: fc.constant("deleted" as const), version: fc.option(version) }),
      fc.record({ kind: fc.constant("conflict" as const), current: fc.option(shown) }),
    );
    const row = fc.record({
      kind: fc.constantFrom("get", "put", "put", "delete"),
      condition,
      calledAt: fc.nat(20),
      lasts: fc.nat(20),
      answer,
    });
    const property = fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
      const calls = history(
        rows.map(({ kind, condition, calledAt, lasts, answer }, index): Row => {
          const action: Action =
            kind === "get"
              ? get
              : kind === "put"
                ? { kind, value: index + 1, condition }
                : { kind: "delete", condition };
          return [calledAt, calledAt + lasts, action, answer];
        }),
      );
      expect(checkHistory(calls).length === 0).toBe(isLinearizable(calls));
    });
    fc.assert(property, { numRuns });
  });
});

describe("a history", () => {
  it("is recorded in one order of all calls and returns, and can be restored from its text", () => {
    const recorder = new Recorder();
    const endFirst = recorder.begin("a", "k", put(1));
    const endSecond = recorder.begin("b", "k", get);
    endSecond(notFound);
    endFirst(created(1));
    expect(recorder.length).toBe(2);
    expect(recorder.calls.map(({ id, calledAt, returnedAt }) => [id, calledAt, returnedAt])).toEqual([
      [2, 2, 3],
      [1, 1, 4],
    ]);
    expect(historyFromText(historyToText(recorder.calls))).toEqual(recorder.calls);
  });
});
