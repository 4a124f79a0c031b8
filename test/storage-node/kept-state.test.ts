import { describe, expect, it } from "vitest";
import { documentAttemptsMax } from "../../src/core/limits.js";
import { DocumentChanged } from "../../src/storage/engine.js";
import { MemoryEngine } from "../../src/storage/memory-engine.js";
import { KeptState } from "../../src/storage-node/kept-state.js";
import { nodeStateToText, withAssignments } from "../../src/storage-node/node-state.js";
import { assignments } from "./operations.js";

const told =
  (mapVersion: number) =>
  (state: KeptState["current"]): KeptState["current"] =>
    withAssignments(state, assignments(mapVersion, { 0: mapVersion }));

async function twoProcesses() {
  const engine = new MemoryEngine();
  const open = () => KeptState.open({ engine, isShared: true });
  return { engine, first: await open(), second: await open() };
}

describe("KeptState", () => {
  it("has no version for the engine where nobody else changes the document", async () => {
    const engine = new MemoryEngine();
    const kept = await KeptState.open({ engine, isShared: false });
    expect([kept.current, kept.version]).toEqual([null, undefined]);
    expect(await kept.change(told(1))).toBe(true);
    expect(await kept.change(told(1))).toBe(false);
    await engine.writeDocument("{");
    await kept.refresh();
    expect([kept.current?.mapVersion, kept.version]).toEqual([1, undefined]);
    await expect(kept.run(() => Promise.reject(new DocumentChanged()))).rejects.toThrow(DocumentChanged);
  });

  it("takes up what another process changed", async () => {
    const { first, second } = await twoProcesses();
    await first.change(told(3));
    expect([second.current, second.version]).toEqual([null, 0]);
    await second.refresh();
    expect([second.current, second.version]).toEqual([first.current, 1]);
  });

  it("takes up what a program wrote that counted no versions", async () => {
    const state = told(5)(null);
    const text = state === null ? "" : nodeStateToText(state);
    const engine = { readDocument: async () => ({ text, version: 0 }), writeDocument: async () => 1 };
    expect((await KeptState.open({ engine, isShared: true })).current).toEqual(state);
  });

  it("never puts older assignments over newer ones of another process", async () => {
    const { engine, first, second } = await twoProcesses();
    await first.change(told(7));
    expect(await second.change(told(6))).toBe(false);
    expect([second.current?.mapVersion, (await engine.readDocument())?.version]).toEqual([7, 1]);
    expect(await second.change(told(8))).toBe(true);
    expect(await first.change(told(8))).toBe(false);
    expect(first.current).toEqual(second.current);
  });

  it("repeats work that went by an older state, a bounded number of times", async () => {
    const { engine, first, second } = await twoProcesses();
    await first.change(told(1));
    const seen: (number | undefined)[] = [];
    const work = async () => {
      seen.push(second.current?.mapVersion);
      return engine.write([], 0, { documentVersion: second.version });
    };
    expect(await second.run(work)).toEqual([]);
    expect(seen).toEqual([undefined, 1]);
    await expect(second.run(() => Promise.reject(new DocumentChanged()))).rejects.toMatchObject({
      code: "OVERLOADED",
      message: expect.stringContaining(String(documentAttemptsMax)),
    });
    await expect(second.run(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  });

  it("confirms what it goes by, or not", async () => {
    const { first, second } = await twoProcesses();
    await second.confirm();
    await first.change(told(1));
    await expect(second.confirm()).rejects.toThrow(DocumentChanged);
    await first.confirm();
  });

  it("says that the document is damaged", async () => {
    const { engine, second } = await twoProcesses();
    await engine.writeDocument("{");
    await expect(second.refresh()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});
