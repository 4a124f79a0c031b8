/** The checker itself: what it finds, what it must not find, and the shortest path to it. */
import { describe, expect, it } from "vitest";
import { explore, type Model, type ModelState } from "./checker.js";

interface Counter extends ModelState {
  count: number;
}

/** Counts to 5 in steps of one and two. */
function counting(changes: Partial<Model<Counter>> = {}): Model<Counter> {
  return {
    initial: { broken: null, count: 0 },
    next({ count }, { step }) {
      for (const by of [1, 2]) if (count + by <= 5) step(`add ${by}`, (copy) => void (copy.count += by));
    },
    ...changes,
  };
}

it("finds every state once", () => {
  expect(explore(counting())).toEqual({ kind: "holds", states: 6, why: "", trace: [] });
});

it("gives up when there are more states than it may check", () => {
  expect(explore(counting(), 3).kind).toBe("unfinished");
});

describe("a state that violates a rule", () => {
  it("is found on a shortest path", () => {
    const violation = ({ count }: Counter): string | null => (count === 4 ? "four" : null);
    expect(explore(counting({ violation }))).toMatchObject({ kind: "breaks", why: "four", trace: ["add 2", "add 2"] });
  });

  it("may report the violation itself", () => {
    const next: Model<Counter>["next"] = (_, { fault }) => fault("fall", (copy) => void (copy.broken = "fell"));
    expect(explore(counting({ next }))).toMatchObject({ kind: "breaks", why: "fell", trace: ["(fault) fall"] });
  });
});

describe("a goal of a model", () => {
  it("holds when it can be reached from every state", () => {
    expect(explore(counting({ goal: ({ count }) => count === 5 })).kind).toBe("holds");
  });

  it("fails when a step leads to a state from which it cannot be reached", () => {
    expect(explore(counting({ goal: ({ count }) => count === 4 }))).toMatchObject({
      kind: "breaks",
      trace: ["add 1", "add 2", "add 2"],
    });
  });

  it("does not count as reached by a further fault", () => {
    const next: Model<Counter>["next"] = ({ count }, { fault }) => {
      if (count < 1) fault("jump", (copy) => void copy.count++);
    };
    expect(explore(counting({ next, goal: ({ count }) => count === 1 }))).toMatchObject({ kind: "breaks", trace: [] });
  });
});
