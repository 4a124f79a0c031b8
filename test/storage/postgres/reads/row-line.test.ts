/** The columns of a row that came as one text. */
import { expect, it } from "vitest";
import { rowInLine } from "../../../../src/storage/postgres/reads/row-line.js";

const key = Buffer.from("a key");

it("has each column of the row, with a value that contains spaces", () => {
  expect(rowInLine({ line: '1 7 8589934593 1000 2000 3000 -5 {"a b": " c "}', key })).toEqual({
    part: 1,
    place: 7,
    key,
    value: '{"a b": " c "}',
    version: "8589934593",
    created_ms: 1000,
    updated_ms: 2000,
    expires_ms: 3000,
    checksum: -5,
  });
});

it("has no expiry where the line says never", () => {
  expect(rowInLine({ line: "1 7 8589934593 0 0 -1 5 null", key })).toMatchObject({ expires_ms: null, value: "null" });
});

it("has no value where the line ends before it", () => {
  expect(rowInLine({ line: "0 63 4 2 1 0 0", key: null })).toMatchObject({ checksum: 0, value: null, key: null });
});
