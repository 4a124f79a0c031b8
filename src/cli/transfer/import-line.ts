/**
 * Converts one line of an import file to one item of a `putMany`. The value is copied from the line into the request as
 * text, so that every digit and the order of names are preserved.
 */
import { ShardgateError } from "../../core/error.js";
import { duplicateNameProblem, jsonMembers, parsedJsonProblem } from "../../core/text/json-text.js";
import { keyProblem } from "../../core/key.js";
import { expiryOfTtl, parseExpiresAt, type ExpiryInput } from "../options/expiry-input.js";
import { messageOf } from "../terminal/command-failure.js";

export interface ImportItem {
  readonly line: number;
  readonly key: string;
  /** JSON text of the PutInput. */
  readonly text: string;
}

/**
 * The item in the `text` of line number `line`; a long "ttlSeconds" counts from `nowMs`. Throws INVALID_KEY,
 * INVALID_VALUE or BAD_REQUEST with the reason.
 */
export function parseImportLine(text: string, line: number, nowMs: number): ImportItem {
  const parsed = parsedLine(text);
  const members = membersOf(text);
  const unknown = [...members.keys()].find((name) => !names.has(name));
  if (unknown !== undefined) throw refused(`has the name ${JSON.stringify(unknown.slice(0, 64))}, ${form}`);
  const [keyText, valueText, expiresAtText, ttlText] = [...names].map((name) => members.get(name));
  if (keyText === undefined || valueText === undefined) throw refused(`lacks "key" or "value", ${form}`);
  const key = keyOf(parsed["key"]);
  const problem = parsedJsonProblem(valueText, parsed["value"]);
  if (problem !== null) throw new ShardgateError("INVALID_VALUE", `the value of key ${quoted(key)} ${problem}`);
  const expiry = parseExpiry(expiresAtText === undefined ? null : parsed["expiresAt"], ttlText, nowMs);
  const expiryText = expiry === null ? "" : `,"expiry":${JSON.stringify(expiry)}`;
  return { line, key, text: `{"key":${keyText},"value":${valueText}${expiryText}}` };
}

const names: ReadonlySet<string> = new Set(["key", "value", "expiresAt", "ttlSeconds"]);
const form = 'but must be {"key":…,"value":…} with an optional "expiresAt" or "ttlSeconds"';

/** The parsed line; its members are then checked in the text. */
function parsedLine(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw refused(notJson(text, error));
  }
}

/** The texts of the line's members, by name. */
function membersOf(text: string): ReadonlyMap<string, string> {
  const twice = duplicateNameProblem(text, 1);
  if (twice !== null) throw refused(twice);
  if (text.trim().startsWith("[")) throw refused(isArray);
  const members = jsonMembers(text, { start: 0, end: text.length });
  if (members === null) throw refused(`is not an object, ${form}`);
  return new Map([...members].map(([name, { start, end }]) => [name, text.slice(start, end)]));
}

const isArray = "begins a JSON array; an import needs one object on each line, as `jq -c '.[]'` prints it";

/** Recognises other kinds of files that users try to import. */
function notJson(text: string, error: unknown): string {
  if (text.trim().startsWith("[")) return isArray;
  const markAt = text.indexOf("\uFEFF");
  if (markAt >= 0 && isJson(text.slice(0, markAt) + text.slice(markAt + 1))) {
    return `has a byte order mark (U+FEFF) before position ${markAt + 1}, perhaps from joining files; remove it`;
  }
  return `is not JSON: ${messageOf(error)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function keyOf(key: unknown): string {
  if (typeof key !== "string") throw new ShardgateError("INVALID_KEY", "the key is not a string");
  const problem = keyProblem(key);
  if (problem !== null) throw new ShardgateError("INVALID_KEY", `key ${quoted(key)} ${problem}`);
  return key;
}

/** A null member counts as absent: the entry never expires. */
function parseExpiry(expiresAt: unknown, ttlText = "null", nowMs: number): ExpiryInput | null {
  if (expiresAt !== null && ttlText !== "null") throw refused('has both "expiresAt" and "ttlSeconds"');
  if (expiresAt !== null) return reading("expiresAt", () => ({ at: parseExpiresAt(expiresAt) }));
  if (ttlText === "null") return null;
  // Number would also accept 1e3 and 60.0.
  if (!/^\d+$/.test(ttlText)) throw refused('has an invalid "ttlSeconds": it is not a whole number of seconds');
  return reading("ttlSeconds", () => expiryOfTtl(Number(ttlText), nowMs));
}

function reading(name: string, read: () => ExpiryInput): ExpiryInput {
  try {
    return read();
  } catch (error) {
    throw error instanceof ShardgateError ? refused(`has an invalid "${name}": ${error.message}`) : error;
  }
}

function quoted(key: string): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
}

function refused(problem: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `the line ${problem}`);
}
