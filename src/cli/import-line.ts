/**
 * One line of an import file as one item of a `putMany`. The value is cut out of the line and spliced into the request
 * as it stands there, so that every digit and the order of names survive.
 */
import { ShardgateError } from "../core/error.js";
import { duplicateNameProblem, jsonMembers, jsonProblem } from "../core/json-text.js";
import { keyProblem } from "../core/key.js";
import { messageOf } from "./failure.js";

export interface ImportItem {
  readonly line: number;
  readonly key: string;
  /** JSON text of the PutInput. */
  readonly text: string;
}

/** The item in the `text` of line number `line`. Throws INVALID_KEY, INVALID_VALUE or BAD_REQUEST with the reason. */
export function parseImportLine(text: string, line: number): ImportItem {
  const members = membersOf(text);
  const unknown = [...members.keys()].find((name) => !names.has(name));
  if (unknown !== undefined) throw refused(`has the name ${JSON.stringify(unknown.slice(0, 64))}, ${form}`);
  const [keyText, valueText, ttlText] = [...names].map((name) => members.get(name));
  if (keyText === undefined || valueText === undefined) throw refused(`lacks "key" or "value", ${form}`);
  const key = parseKeyText(keyText);
  const problem = jsonProblem(valueText);
  if (problem !== null) throw new ShardgateError("INVALID_VALUE", `the value of key ${quoted(key)} ${problem}`);
  const expiry = ttlText === undefined ? "" : `,"expiry":{"ttlSeconds":${parseTtl(ttlText)}}`;
  return { line, key, text: `{"key":${keyText},"value":${valueText}${expiry}}` };
}

const names: ReadonlySet<string> = new Set(["key", "value", "ttlSeconds"]);
const form = 'but must be {"key":…,"value":…} with an optional "ttlSeconds"';
/** GraphQL's Int (GraphQL specification, 3.5.1). */
const intMax = 2_147_483_647;

/** The texts of the line's members, by name. */
function membersOf(text: string): ReadonlyMap<string, string> {
  try {
    JSON.parse(text);
  } catch (error) {
    throw refused(`is not JSON: ${messageOf(error)}`);
  }
  const twice = duplicateNameProblem(text, 1);
  if (twice !== null) throw refused(twice);
  const members = jsonMembers(text, { start: 0, end: text.length });
  if (members === null) throw refused(`is not an object, ${form}`);
  return new Map([...members].map(([name, { start, end }]) => [name, text.slice(start, end)]));
}

function parseKeyText(text: string): string {
  const key: unknown = JSON.parse(text);
  if (typeof key !== "string") throw new ShardgateError("INVALID_KEY", "the key is not a string");
  const problem = keyProblem(key);
  if (problem !== null) throw new ShardgateError("INVALID_KEY", `key ${quoted(key)} ${problem}`);
  return key;
}

function parseTtl(text: string): string {
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= intMax) return text;
  throw refused(`has a "ttlSeconds" that is not a whole number from 1 to ${intMax}`);
}

function quoted(key: string): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
}

function refused(problem: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `the line ${problem}`);
}
