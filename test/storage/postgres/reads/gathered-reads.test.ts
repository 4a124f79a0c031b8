import { describe, expect, it } from "vitest";
import { GatheredReads } from "../../../../src/storage/postgres/reads/gathered-reads.js";

describe("GatheredReads", () => {
  /** Statements end when the test says. */
  function reads() {
    const statements: { readonly sizes: readonly number[]; end(error?: Error): void }[] = [];
    const gathered = new GatheredReads<{ readonly size: number }>(
      (calls) =>
        new Promise<void>((resolve, reject) => {
          const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
          statements.push({ sizes: calls.map(({ size }) => size), end });
        }),
    );
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    return { gathered, statements, turn, sizes: () => statements.map((statement) => statement.sizes) };
  }

  it("sends a call at once while few statements run, and gathers those that arrive meanwhile", async () => {
    const { gathered, statements, turn, sizes } = reads();
    const calls = [1, 2, 3, 4, 5, 6, 7].map((size) => gathered.fetch({ size }));
    expect(sizes()).toEqual([[1], [2], [3], [4]]);
    statements[1]?.end();
    await calls[1];
    await turn();
    expect(sizes().slice(4)).toEqual([[5, 6, 7]]);
    for (const { end } of statements) end();
    await Promise.all(calls);
    const last = gathered.fetch({ size: 8 });
    expect(sizes().at(-1)).toEqual([8]);
    statements.at(-1)?.end();
    await last;
  });

  it("puts at most as many operations into one statement as a batch has, and any call into one", async () => {
    const { gathered, statements, turn, sizes } = reads();
    const calls = [1, 1, 1, 1, 2000, 600, 400, 1].map((size) => gathered.fetch({ size }));
    statements[0]?.end();
    await turn();
    statements[1]?.end();
    await turn();
    expect(sizes().slice(4)).toEqual([[2000], [600, 400]]);
    for (let index = 2; index < 7; index++) {
      statements[index]?.end();
      await turn();
    }
    expect(sizes().at(-1)).toEqual([1]);
    await Promise.all(calls);
  });

  it("fails the calls of a failed statement, and no others", async () => {
    const { gathered, statements, turn } = reads();
    const calls = [1, 1, 1, 1, 2, 3].map((size) => gathered.fetch({ size }).catch((error: Error) => error.message));
    statements[0]?.end(new Error("lost"));
    await turn();
    statements[4]?.end(new Error("lost again"));
    for (const { end } of statements) end();
    expect(await Promise.all(calls)).toEqual(["lost", undefined, undefined, undefined, "lost again", "lost again"]);
  });
});
