import { expect, it } from "vitest";
import { NextTurn } from "../../../src/routing/mailbox/next-turn.js";
import { settle } from "../../support/fake-clock.js";

it("runs the tasks planned for a turn in it, and tasks planned meanwhile in the next turn", async () => {
  const turn = new NextTurn();
  const done: string[] = [];
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  turn.plan(() => {
    done.push("first");
    turn.plan(() => done.push("later"));
  });
  turn.plan(() => done.push("second"));
  queueMicrotask(() => done.push("microtask"));
  await nextTurn();
  expect(done).toEqual(["microtask", "first", "second"]);
  await settle();
  expect(done).toEqual(["microtask", "first", "second", "later"]);
});
