/**
 * The bytes of a registry file: one head line with a format number, the document's version and a checksum, then the
 * document's text. The checksum (SHA-256 of the version, a newline and the text) detects a file that was truncated or
 * edited, whatever its text.
 */
import { createHash } from "node:crypto";
import { ShardgateError } from "../../../core/error.js";
import type { StoredDocument } from "../../registry-store.js";

const format = "1";
const headPattern = /^shardgate-registry format=(\d{1,9}) version=(\d{1,16}) sha256=([0-9a-f]{64})$/;

/** No head is longer, so this much of a file is enough for `versionInHead`. */
export const headBytesMax = 160;

export function encodeFile(document: StoredDocument): Buffer {
  const version = String(document.version);
  const text = Buffer.from(document.text, "utf8");
  const head = `shardgate-registry format=${format} version=${version} sha256=${checksum(version, text)}\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), text]);
}

/** The document in the `bytes` of the file at `path`. Throws REGISTRY_CORRUPT naming the file, the fault and the way out. */
export function decodeFile(bytes: Buffer, path: string): StoredDocument {
  const [, fileFormat, version = "", sha256] = headOf(bytes) ?? [];
  if (fileFormat === undefined) {
    throw corruptFile(
      path,
      bytes.length === 0 ? "it is empty" : "it does not begin with the header of a registry file",
    );
  }
  if (fileFormat !== format) {
    throw corruptFile(path, `its format is ${fileFormat}, but this version of shardgate reads format ${format}`);
  }
  const text = bytes.subarray(bytes.indexOf(0x0a) + 1);
  if (checksum(version, text) !== sha256) {
    throw corruptFile(path, "its checksum is wrong: it was cut off, damaged or edited");
  }
  return { version: Number(version), text: text.toString("utf8") };
}

/** The version in the first `headBytesMax` bytes of the file at `path`. Throws REGISTRY_CORRUPT when they are no head. */
export function versionInHead(bytes: Buffer, path: string): number {
  const head = headOf(bytes);
  if (head === null) throw corruptFile(path, "its header was overwritten just now");
  return Number(head[2]);
}

/** A damaged file is never repaired or replaced: it may be the only copy. */
export function corruptFile(path: string, what: string): ShardgateError {
  return new ShardgateError(
    "REGISTRY_CORRUPT",
    `The registry file ${path} cannot be used: ${what}. It was left as it is. ` +
      "Restore it from a copy, or move it away to start a new cluster map.",
  );
}

function headOf(bytes: Buffer): RegExpExecArray | null {
  const end = bytes.subarray(0, headBytesMax).indexOf(0x0a);
  return end < 0 ? null : headPattern.exec(bytes.toString("latin1", 0, end));
}

function checksum(version: string, text: Buffer): string {
  return createHash("sha256").update(`${version}\n`).update(text).digest("hex");
}
