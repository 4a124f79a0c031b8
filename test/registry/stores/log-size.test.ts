import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { registryLogBytesMin } from "../../../src/core/limits.js";
import { LogSize } from "../../../src/registry/stores/log-size.js";

const record = (bytes: number): string => "x".repeat(bytes);
const half = record(registryLogBytesMin / 2);

/** A log on a server, of which compacting leaves `kept`. */
function serverLog() {
  const log = {
    records: [] as string[],
    kept: [] as string[],
    reads: 0,
    compactions: 0,
    failure: null as Error | null,
  };
  const size: LogSize = new LogSize({
    async read() {
      log.reads++;
      if (log.failure !== null) throw log.failure;
      size.read(log.records);
    },
    async compact() {
      log.compactions++;
      log.records = log.kept;
    },
  });
  const append = async (text: string): Promise<void> => {
    log.records.push(text);
    await size.grew(text);
  };
  return { log, size, append };
}

describe("LogSize", () => {
  it("reads the log once, after the first record, and counts from then on", async () => {
    const { log, size, append } = serverLog();
    await size.grew(null);
    expect(log.reads).toBe(0);
    for (let count = 0; count < 5; count++) await append(record(10));
    expect([log.reads, log.compactions]).toEqual([1, 0]);
  });

  it("has the log compacted when it is too long, and again at twice the length that was left", async () => {
    const { log, append } = serverLog();
    log.kept = [half, half];
    await append(half);
    await append(half);
    expect(log.compactions).toBe(0);
    await append(record(1));
    expect(log.compactions).toBe(1);
    await append(half);
    await append(half);
    expect(log.compactions).toBe(1);
    await append(record(1));
    expect(log.compactions).toBe(2);
  });

  it("leaves a log that cannot be read for a later change", async () => {
    const { log, append } = serverLog();
    log.failure = new ShardgateError("REGISTRY_UNAVAILABLE", "The server is away.");
    await append(record(registryLogBytesMin + 1));
    log.failure = null;
    expect(log.compactions).toBe(0);
    await append(record(1));
    expect(log.compactions).toBe(1);
  });

  it("passes on an error that is none of the store", async () => {
    const { log, append } = serverLog();
    log.failure = new TypeError("a bug");
    await expect(append(record(1))).rejects.toThrow("a bug");
  });
});
