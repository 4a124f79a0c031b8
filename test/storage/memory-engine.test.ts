import { describe, expect, it } from "vitest";
import { MemoryEngine } from "../../src/storage/memory-engine.js";
import { describeStorageEngine } from "../conformance/storage-engine.js";
import { keys, nowMs, put } from "../conformance/storage-operations.js";

describeStorageEngine("MemoryEngine", async () => ({ engine: new MemoryEngine() }));

describe("MemoryEngine", () => {
  it("says its name, and forgets everything when it is closed", async () => {
    const engine = new MemoryEngine();
    expect(engine.name).toBe("memory");
    expect(await engine.fileBytes()).toBeNull();
    await engine.write([put("a", "1")], nowMs);
    await engine.close();
    expect(await keys(engine)).toEqual([]);
  });
});
