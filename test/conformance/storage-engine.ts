/** The common contract of every storage engine. The test of each implementation calls this once. */
import { afterEach, beforeEach, describe } from "vitest";
import type { StorageEngine } from "../../src/storage/engine.js";
import { describeChanges } from "./storage-changes.js";
import { describeClaims } from "./storage-claims.js";
import { describeExpiry } from "./storage-expiry.js";
import { describeModel } from "./storage-model.js";
import { claimAll } from "./storage-operations.js";
import { describeOverlappingCalls } from "./storage-outcomes.js";
import { describeScans } from "./storage-scans.js";
import { describeWrites } from "./storage-writes.js";

/** An empty engine and, if data outlive a process, a function that closes it and opens the same data again. */
export interface OpenedEngine {
  readonly engine: StorageEngine;
  readonly reopen?: () => Promise<StorageEngine>;
}

export function describeStorageEngine(name: string, open: () => Promise<OpenedEngine>): void {
  describe(`${name}, as a storage engine`, () => {
    let engine: StorageEngine;
    beforeEach(async () => {
      ({ engine } = await open());
      await claimAll(engine);
    });
    afterEach(() => engine.close());

    describeWrites(() => engine);
    describeScans(() => engine);
    describeExpiry(() => engine);
    describeClaims(() => engine);
    describeChanges(() => engine);
    describeOverlappingCalls(() => engine);
  });
  describeModel(name, open);
}
