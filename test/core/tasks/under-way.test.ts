import { expect, it } from "vitest";
import { UnderWay } from "../../../src/core/tasks/under-way.js";

it("resolves for all waiters when no work is in progress any more, and at once for later ones", async () => {
  const underWay = new UnderWay();
  await underWay.idle();
  underWay.begin();
  underWay.begin();
  const told: string[] = [];
  const waiting = ["first", "second"].map((name) => underWay.idle().then(() => told.push(name)));
  underWay.end();
  await Promise.resolve();
  expect([underWay.count, told]).toEqual([1, []]);
  underWay.end();
  await Promise.all(waiting);
  expect([underWay.count, told]).toEqual([0, ["first", "second"]]);
  await underWay.idle();
});
