import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { decodeBatchRequest, encodeBatchRequest } from "../../../src/wire/batch/batch-body.js";
import { MemoryEngine } from "../../../src/storage/memory/memory-engine.js";
import { describeStorageEngine } from "../../conformance/storage-engine.js";
import { describeUnknownOutcomes } from "../../conformance/storage-outcomes.js";
import { claimAll, keys, nowMs, put, write } from "../../conformance/storage-operations.js";
import { slowFaults } from "./slow-faults.js";

describeStorageEngine("MemoryEngine", async () => ({ engine: new MemoryEngine() }));

describeStorageEngine("MemoryEngine that is slow", async () => ({ engine: new MemoryEngine(slowFaults()) }));

describeUnknownOutcomes("MemoryEngine", async () => {
  const faults = slowFaults();
  return {
    engine: new MemoryEngine(faults),
    setCommits: (fate) => (faults.fate = fate),
    failOver: () => faults.count++,
  };
});

describe("MemoryEngine", () => {
  it("reports its name, and loses everything when it is closed", async () => {
    const engine = new MemoryEngine();
    expect([engine.name, engine.isDurable]).toEqual(["memory", false]);
    expect(await engine.fileBytes()).toBeNull();
    await claimAll(engine);
    await write(engine, [put("a", "1")], nowMs);
    expect(await keys(engine)).toEqual(["a"]);
    await engine.close();
    expect((await engine.state()).claims.size).toBe(0);
  });

  it("gives up a change that others overtake again and again, having changed nothing", async () => {
    const faults = slowFaults();
    const engine = new MemoryEngine(faults);
    await claimAll(engine);
    const pause = faults.pause.bind(faults);
    let isOvertaking = false;
    let count = 0;
    faults.pause = async () => {
      if (isOvertaking) return;
      isOvertaking = true;
      await write(engine, [put("theirs", String(count++))], nowMs);
      await engine.changeState(() => ({ document: String(count), claims: [] }));
      isOvertaking = false;
    };
    await expect(write(engine, [put("ours", "1")], nowMs)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const claimed = engine.changeState(({ document }) => ({ document: `${document} lost`, claims: [] }));
    await expect(claimed).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    faults.pause = pause;
    expect(await keys(engine)).toEqual(["theirs"]);
    expect((await engine.state()).document).toBe(String(count));
  });

  it("keeps nothing of a batch in memory except the stored entries", async () => {
    const engine = new MemoryEngine();
    await claimAll(engine);
    const text = JSON.stringify("x".repeat(400));
    const overwritten = Array.from({ length: 199 }, (_, index) => put(`overwritten again and again ${index}`, text));
    const writeBatch = async (number: number): Promise<void> => {
      const operations = [...overwritten, put(`one for each batch ${number}`, text)];
      const body = encodeBatchRequest(operations.map((operation) => ({ operation, epoch: 1 })));
      const writes = decodeBatchRequest(body, true).flatMap((decoded) =>
        "operation" in decoded && decoded.operation.kind === "put" ? [decoded.operation] : [],
      );
      await write(engine, writes, nowMs);
    };
    await writeBatch(0);
    const before = heapBytes();
    for (let number = 1; number <= 300; number++) await writeBatch(number);
    // The batches as a whole have 30 MB.
    expect(heapBytes() - before).toBeLessThan(5e6);
    expect(await keys(engine)).toHaveLength(199 + 301);
  });
});

/** Bytes in use after a garbage collection. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
