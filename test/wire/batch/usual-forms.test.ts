import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseJsonText } from "../../../src/core/text/json-text.js";
import { parseKey } from "../../../src/core/key.js";
import type { Operation, Outcome, RoutedOperation } from "../../../src/core/operation.js";
import { parseShard } from "../../../src/core/shard.js";
import { parseVersion } from "../../../src/core/version.js";
import {
  decodeBatchAnswer,
  decodeBatchRequest,
  encodeBatchAnswer,
  encodeBatchRequest,
} from "../../../src/wire/batch/batch-body.js";

const at = { shard: parseShard(2), key: parseKey("user123") };
const version = parseVersion("4294967303");
const facts = { version, createdAtMs: 1_796_000_000_000, updatedAtMs: 1_796_000_000_001, expiresAtMs: null };
const bare = { kind: "put", ...at, value: parseJsonText('{"a":1}'), expiry: null, condition: null } as const;
const get: Operation = { kind: "get", ...at };
const remove: Operation = { kind: "delete", ...at, condition: null };

const operations: readonly (readonly [string, Operation])[] = [
  ["a get", get],
  ["a get of a key beyond ASCII", { kind: "get", ...at, key: parseKey("schlüssel😀") }],
  ["a put", bare],
  ["a put with a time to live", { ...bare, expiry: { kind: "ttl", seconds: 60 } }],
  ["a put with a moment of expiry", { ...bare, expiry: { kind: "at", atMs: 1_900_000_000_000 } }],
  ["a put on a version", { ...bare, condition: { kind: "ifVersion", version } }],
  ["a put of a new key", { ...bare, condition: { kind: "ifAbsent" } }],
  ["a put of a known key", { ...bare, expiry: { kind: "ttl", seconds: 1 }, condition: { kind: "ifPresent" } }],
  ["a delete", remove],
  ["a delete on a version", { kind: "delete", ...at, condition: { kind: "ifVersion", version } }],
];

const outcomes: readonly (readonly [string, Operation, Outcome])[] = [
  ["a found entry", get, { kind: "found", entry: { key: at.key, value: bare.value, ...facts } }],
  [
    "an entry that expires",
    get,
    { kind: "found", entry: { key: at.key, value: bare.value, ...facts, expiresAtMs: 1 } },
  ],
  ["nothing found", get, { kind: "notFound" }],
  ["a new entry", bare, { kind: "written", isNew: true, facts }],
  ["a replaced entry", bare, { kind: "written", isNew: false, facts: { ...facts, expiresAtMs: 1_900_000_000_000 } }],
  ["a deleted entry", remove, { kind: "deleted", version }],
  ["nothing deleted", remove, { kind: "notFound" }],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the usual forms of a batch are read without JSON.parse", () => {
  it.each(operations)("%s", (_, operation) => {
    const batch: RoutedOperation[] = [
      { operation, epoch: 3 },
      { operation, epoch: null },
    ];
    const body = encodeBatchRequest(batch);
    const parse = vi.spyOn(JSON, "parse");
    expect(decodeBatchRequest(body, true)).toEqual(batch);
    expect(parse).not.toHaveBeenCalled();
  });

  it.each(outcomes)("%s", (_, operation, outcome) => {
    const asked = { operation, epoch: null };
    const body = encodeBatchAnswer([outcome, outcome]);
    const parse = vi.spyOn(JSON, "parse");
    expect(decodeBatchAnswer(body, [asked, asked])).toEqual([outcome, outcome]);
    expect(parse).not.toHaveBeenCalled();
  });
});

/** With a space before it the head does not have a usual form, and is read by JSON.parse. */
function generalForm(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(" "), body]);
}

/** The result of `read`, or the code of its error: for a head that is not JSON, the message names the position. */
function resultOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return { code: (error as { readonly code?: string }).code };
  }
}

/** Text that a hostile or broken peer may insert between two bytes of a head. */
const pieces = Array.from(`",:{}[]\\-019 \n\u007f\u0080\u00ff`).concat(
  ["", "e5", ".0", "null", "true", '"1"', "\\u0061"],
  [',"epoch":', ',"key":"b"', ',"ifAbsent":true', ',"expiresAt":', ',"valueBytes":1'],
);

interface Change {
  readonly at: number;
  readonly removed: number;
  readonly piece: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  removed: fc.nat(12),
  piece: fc.constantFrom(...pieces),
});

/** `at` wraps around at the end of the body. */
function changed(body: Buffer, changes: readonly Change[]): Buffer {
  return changes.reduce((before, { at, removed, piece }) => {
    const start = at % (before.length + 1);
    return Buffer.concat([before.subarray(0, start), Buffer.from(piece, "latin1"), before.subarray(start + removed)]);
  }, body);
}

describe("a batch that differs from the usual forms is read, or refused, as JSON.parse reads it", () => {
  it.each([
    ["a moment without digits", ',"expiresAt":'],
    ["a moment that is no number", ',"expiresAt":x'],
  ])("%s", (_, expiry) => {
    const head = `{"outcomes":[{"status":200,"version":"7","createdAt":1,"updatedAt":1${expiry},"valueBytes":1}]}`;
    const decode = () => decodeBatchAnswer(Buffer.from(`${head}\n1`), [{ operation: get, epoch: null }]);
    expect(decode).toThrow("The batch body cannot be read");
  });

  it("after any change of a request", () => {
    const batch = operations.map(([, operation]) => ({ operation, epoch: 3 }));
    fc.assert(
      fc.property(
        fc.subarray(batch, { minLength: 1, maxLength: 3 }),
        fc.array(change, { maxLength: 3 }),
        fc.boolean(),
        (asked, changes, areChecked) => {
          const body = changed(encodeBatchRequest(asked), changes);
          expect(resultOf(() => decodeBatchRequest(body, areChecked))).toEqual(
            resultOf(() => decodeBatchRequest(generalForm(body), areChecked)),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("after any change of an answer", () => {
    fc.assert(
      fc.property(
        fc.subarray([...outcomes], { minLength: 1, maxLength: 3 }),
        fc.array(change, { maxLength: 3 }),
        (answered, changes) => {
          const asked = answered.map(([, operation]) => ({ operation, epoch: 3 }));
          const body = changed(encodeBatchAnswer(answered.map(([, , outcome]) => outcome)), changes);
          expect(resultOf(() => decodeBatchAnswer(body, asked))).toEqual(
            resultOf(() => decodeBatchAnswer(generalForm(body), asked)),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });
});
