/** A few rounds of what the nightly command does in hundreds: mishaps of every process and file, and every promise kept. */
import { expect, it } from "vitest";
import { runIdentity } from "./identity-run.js";

it(
  "keeps every guarantee while processes, folders, the registry and clocks suffer faults",
  { timeout: 600_000 },
  async () => {
    const rounds: string[] = [];
    const onRound = (text: string): void => void rounds.push(text);
    const run = await runIdentity({ seed: 34, rounds: 6, nodes: 3, writers: 4, onRound });
    expect(run.complaints, rounds.join("\n")).toEqual([]);
    expect(run.mishaps).toHaveLength(6);
    expect(new Set(run.mishaps).size).toBe(6);
    // What follows only says that the run was a test of something.
    expect(run.acknowledged).toBeGreaterThan(100);
    expect(run.keysChecked).toBeGreaterThan(30);
    expect(run.answers["outdated put: 412"]).toBeGreaterThan(10);
  },
);
