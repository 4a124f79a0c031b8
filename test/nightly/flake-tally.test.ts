/** The count of failures over several rounds of the same tests. */
import { expect, it } from "vitest";
import { flakesOf, type RoundReport } from "./flake-tally.js";

function round(...outcomes: readonly (readonly [test: string, failure: string | null])[]): RoundReport {
  const assertionResults = outcomes.map(([fullName, failure]) => ({
    fullName,
    status: failure === null ? "passed" : "failed",
    failureMessages: failure === null ? [] : [failure],
  }));
  const status = outcomes.some(([, failure]) => failure !== null) ? "failed" : "passed";
  return { testResults: [{ name: "a.test.ts", status, message: "", assertionResults }] };
}

it("lists the tests that failed at least once, the most frequent first, with their first message", () => {
  const rounds = [
    round(["steady", null], ["rare", null], ["frequent", "first"]),
    round(["steady", null], ["rare", "once"], ["frequent", null]),
    round(["steady", null], ["rare", null], ["frequent", "second"]),
  ];
  expect(flakesOf(rounds)).toEqual([
    { test: "a.test.ts: frequent", failures: 2, message: "first" },
    { test: "a.test.ts: rare", failures: 1, message: "once" },
  ]);
});

it("counts a file that could not be run, without its tests", () => {
  const broken: RoundReport = {
    testResults: [{ name: "b.test.ts", status: "failed", message: "no such module", assertionResults: [] }],
  };
  expect(flakesOf([broken, broken])).toEqual([{ test: "b.test.ts", failures: 2, message: "no such module" }]);
});

it("finds no flaky tests in rounds that passed", () => {
  expect(flakesOf([round(["steady", null]), round(["steady", null])])).toEqual([]);
});
