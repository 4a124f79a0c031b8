/** What every storage engine must do, whatever keeps the entries. Each implementation's test calls this once. */
import { afterEach, beforeEach, describe } from "vitest";
import type { StorageEngine } from "../../src/storage/engine.js";
import { describeExpiry } from "./storage-expiry.js";
import { describeModel } from "./storage-model.js";
import { describeScans } from "./storage-scans.js";
import { describeWrites } from "./storage-writes.js";

/** An empty engine, and where data outlive a process what closes it and opens the same data again. */
export interface OpenedEngine {
  readonly engine: StorageEngine;
  readonly reopen?: () => Promise<StorageEngine>;
}

export function describeStorageEngine(name: string, open: () => Promise<OpenedEngine>): void {
  describe(`${name}, as a storage engine`, () => {
    let engine: StorageEngine;
    beforeEach(async () => {
      ({ engine } = await open());
    });
    afterEach(() => engine.close());

    describeWrites(() => engine);
    describeScans(() => engine);
    describeExpiry(() => engine);
  });
  describeModel(name, open);
}
