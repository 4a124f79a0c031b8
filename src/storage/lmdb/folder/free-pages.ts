/**
 * Reads LMDB's list of free pages from its file, without LMDB (format 2, with the lists of lmdb 3). A commit counts
 * pages that it allocated and freed without writing them, so an intact file may be shorter than its page count: every
 * page beyond its end is then in this list.
 */
import { readSync } from "node:fs";

/** The pages from `first` up to, but not including, `end`. */
export interface PageRange {
  readonly first: number;
  readonly end: number;
}

/** An open data file. */
export interface PagedFile {
  readonly fd: number;
  readonly pageBytes: number;
}

/** The list is a tree of pages. LMDB's trees have at most this many levels. */
const levelsMax = 32;
/** The root of a tree without entries. */
const noPage = 0xffff_ffff_ffff_ffffn;

/** Field offsets in LMDB's page header and its nodes, and the flag of a node whose data have pages of their own. */
const page = { flags: 18, nodesEnd: 20, pages: 20, nodes: 24 } as const;
const node = { sizeLow: 0, sizeHigh: 2, flags: 4, keyBytes: 6, key: 8 } as const;
const branchFlag = 1;
const leafFlag = 2;
const overflowFlag = 4;
const ownPagesFlag = 1;

/**
 * The ranges of the free list whose tree has the root page `root`, in no order. Throws an Error when the list is
 * damaged or lies beyond the end of the file.
 */
export function freePages(file: PagedFile, root: bigint): readonly PageRange[] {
  return root === noPage ? [] : rangesBelow(file, Number(root), levelsMax);
}

/** Whether every page of `wanted` is in one of `ranges`. */
export function areAllIn(ranges: readonly PageRange[], wanted: PageRange): boolean {
  let next = wanted.first;
  for (const { first, end } of ranges.toSorted((one, other) => one.first - other.first)) {
    if (first > next) break;
    next = Math.max(next, end);
  }
  return next >= wanted.end;
}

function rangesBelow(file: PagedFile, number: number, levels: number): readonly PageRange[] {
  if (levels === 0) throw new Error("The free list has no end.");
  const bytes = readPages(file, number, 1);
  const flags = bytes.readUInt16LE(page.flags);
  const nodes = nodesOf(bytes);
  if (flags === branchFlag) return nodes.flatMap((at) => rangesBelow(file, childOf(bytes, at), levels - 1));
  if (flags === leafFlag) return nodes.flatMap((at) => rangesOf(listAt(file, bytes, at)));
  throw new Error(`Page ${number} of the free list is of another kind.`);
}

function nodesOf(bytes: Buffer): readonly number[] {
  const count = bytes.readUInt16LE(page.nodesEnd) / 2;
  return Array.from({ length: count }, (_, index) => page.nodes + bytes.readUInt16LE(page.nodes + 2 * index));
}

/** The child's page number has 48 bits: a branch node keeps the high bits where a leaf node has flags. */
function childOf(bytes: Buffer, at: number): number {
  return bytes.readUIntLE(at, 6);
}

function listAt(file: PagedFile, bytes: Buffer, at: number): Buffer {
  const size = bytes.readUInt16LE(at + node.sizeLow) + 65_536 * bytes.readUInt16LE(at + node.sizeHigh);
  const start = at + node.key + bytes.readUInt16LE(at + node.keyBytes);
  if ((bytes.readUInt16LE(at + node.flags) & ownPagesFlag) === 0) return bytes.subarray(start, start + size);
  const own = readPages(file, Number(bytes.readBigUInt64LE(start)), Math.ceil((page.nodes + size) / file.pageBytes));
  if (own.readUInt16LE(page.flags) !== overflowFlag) throw new Error("A part of the free list is of another kind.");
  return own.subarray(page.nodes, page.nodes + size);
}

/**
 * Decodes one list: the number of items, then the items. An item is a page, or the negated count of pages before the
 * first of a run, or 0 for none.
 */
function rangesOf(list: Buffer): readonly PageRange[] {
  const ranges: PageRange[] = [];
  const count = Number(list.readBigInt64LE(0));
  let pages = 1;
  for (let index = 1; index <= count; index++) {
    const item = Number(list.readBigInt64LE(8 * index));
    if (item > 0) ranges.push({ first: item, end: item + pages });
    pages = item < 0 ? -item : 1;
  }
  return ranges;
}

function readPages({ fd, pageBytes }: PagedFile, first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * pageBytes);
  if (readSync(fd, bytes, 0, bytes.length, first * pageBytes) < bytes.length) {
    throw new Error(`Page ${first} of the free list is behind the file's end.`);
  }
  return bytes;
}
