import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { areAllIn, freePages, type PageRange } from "../../../../src/storage/lmdb/folder/free-pages.js";

const folder = mkdtempSync(path.join(tmpdir(), "free-pages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pageBytes = 256;

/** A page of LMDB: the header, the offsets of the nodes, and the nodes from the end of the page. */
function page(flags: number, nodes: readonly Buffer[] = []): Buffer {
  const bytes = Buffer.alloc(pageBytes);
  bytes.writeUInt16LE(flags, 18);
  bytes.writeUInt16LE(2 * nodes.length, 20);
  let end = pageBytes;
  nodes.forEach((node, index) => {
    end -= node.length;
    node.copy(bytes, end);
    bytes.writeUInt16LE(end - 24, 24 + 2 * index);
  });
  return bytes;
}

function branch(...children: readonly number[]): Buffer {
  const nodes = children.map((child) => {
    const node = Buffer.alloc(16);
    node.writeUIntLE(child, 0, 6);
    node.writeUInt16LE(8, 6);
    return node;
  });
  return page(1, nodes);
}

function leaf(...lists: readonly Buffer[]): Buffer {
  return page(
    2,
    lists.map((list) => Buffer.concat([leafNode(list.length, 0), list])),
  );
}

function leafNode(size: number, flags: number): Buffer {
  const node = Buffer.alloc(16);
  node.writeUInt16LE(size, 0);
  node.writeUInt16LE(flags, 4);
  node.writeUInt16LE(8, 6);
  return node;
}

function list(...items: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * (items.length + 1));
  [items.length, ...items].forEach((item, index) => bytes.writeBigInt64LE(BigInt(item), 8 * index));
  return bytes;
}

/** The free pages of a file that consists of `pages`, the first of which is the root of the tree. */
function freeIn(...pages: readonly Buffer[]): readonly PageRange[] {
  const file = path.join(folder, "data.mdb");
  writeFileSync(file, Buffer.concat(pages));
  const fd = openSync(file, "r");
  try {
    return freePages({ fd, pageBytes }, 0n);
  } finally {
    closeSync(fd);
  }
}

const zeros = Buffer.alloc(pageBytes);

describe("freePages", () => {
  it("reads single pages, runs of pages, and slots without a page", () => {
    const blocks = list(40, 0, -3, 20, -2, 0, 9);
    expect(freeIn(leaf(blocks, list(7)))).toEqual([
      { first: 40, end: 41 },
      { first: 20, end: 23 },
      { first: 9, end: 10 },
      { first: 7, end: 8 },
    ]);
  });

  it("reads a tree of several levels, and lists that have pages of their own", () => {
    const long = list(...Array.from({ length: 50 }, (_, index) => 1000 - 2 * index));
    const place = Buffer.alloc(24);
    place.writeBigUInt64LE(3n, 0);
    const large = page(2, [Buffer.concat([leafNode(long.length, 1), place])]);
    const own = Buffer.alloc(2 * pageBytes);
    own.writeUInt16LE(4, 18);
    long.copy(own, 24);
    const found = freeIn(branch(1, 2), leaf(list(5)), large, own);
    expect(found).toHaveLength(51);
    expect(found).toContainEqual({ first: 902, end: 903 });
  });

  it("returns nothing when there is no tree", () => {
    expect(freePages({ fd: -1, pageBytes }, 0xffff_ffff_ffff_ffffn)).toEqual([]);
  });

  it.each<readonly [string, readonly Buffer[]]>([
    ["a page of another kind", [zeros]],
    ["a page behind the file's end", [branch(1)]],
    ["a tree that leads to itself", [branch(0)]],
    ["a list of another kind", [page(2, [Buffer.concat([leafNode(80, 1), Buffer.alloc(24)])]), zeros]],
    ["a list that is longer than its place", [leaf(list(1).fill(5, 0, 1))]],
    ["a node outside its page", [leaf(list(1)).fill(0xff, 24, 26)]],
  ])("refuses %s", (_, pages) => {
    expect(() => freeIn(...pages)).toThrow(Error);
  });
});

describe("areAllIn", () => {
  const ranges = [
    { first: 30, end: 33 },
    { first: 10, end: 12 },
    { first: 12, end: 30 },
  ];
  it.each([
    [10, 33, true],
    [11, 32, true],
    [9, 33, false],
    [10, 34, false],
    [33, 34, false],
    [5, 5, true],
  ])("returns for the pages from %i up to %i: %s", (first, end, expected) => {
    expect(areAllIn(ranges, { first, end })).toBe(expected);
    expect(areAllIn(ranges.slice(0, 2), { first, end })).toBe(expected && (end <= 12 || first >= 30));
  });
});
