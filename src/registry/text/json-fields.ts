/** Reads members of a stored document, each of which must be what the format says. Every refusal is REGISTRY_CORRUPT. */
import { ShardgateError } from "../../core/error.js";

export type StoredFields = Readonly<Record<string, unknown>>;

export function corrupt(
  what: string,
  advice: string = "Restore a backup, or move it away to start with a new registry.",
): ShardgateError {
  return new ShardgateError("REGISTRY_CORRUPT", `The stored cluster map cannot be used: ${what}. ${advice}`);
}

export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corrupt(`it is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

export function recordIn(value: unknown, what: string): StoredFields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw corrupt(`${what} is not an object`);
  return value as StoredFields;
}

export function listIn(fields: StoredFields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw corrupt(`\`${name}\` is not an array`);
  return value;
}

export function textIn(fields: StoredFields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw corrupt(`\`${name}\` is not a text`);
  return value;
}

export function textOrNullIn(fields: StoredFields, name: string): string | null {
  return fields[name] === null ? null : textIn(fields, name);
}

export function numberIn(
  fields: StoredFields,
  name: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const value = fields[name];
  if (isWhole(value, min, max)) return value;
  throw corrupt(`\`${name}\` is ${JSON.stringify(value)}`);
}

export function booleanIn(fields: StoredFields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== "boolean") throw corrupt(`\`${name}\` is ${JSON.stringify(value)}`);
  return value;
}

/** A list of one number for each shard. */
export function columnIn(
  fields: StoredFields,
  name: string,
  { length, min, max }: { readonly length: number; readonly min: number; readonly max: number },
): readonly number[] {
  const numbers = listIn(fields, name);
  if (numbers.length !== length) throw corrupt(`\`${name}\` lists ${numbers.length} shards of ${length}`);
  return numbers.map((value, shard) => {
    if (isWhole(value, min, max)) return value;
    throw corrupt(`\`${name}\` of shard ${shard} is ${JSON.stringify(value)}`);
  });
}

/** A row of a list, by the names of its columns. */
export function rowIn(value: unknown, what: string, names: readonly string[]): StoredFields {
  if (!Array.isArray(value) || value.length !== names.length) {
    throw corrupt(`${what} is not a row of ${names.join(", ")}`);
  }
  return Object.fromEntries(names.map((name, column) => [name, value[column] as unknown]));
}

/** Throws when `what` lists something twice. */
export function refuseTwice(items: readonly unknown[], what: string): void {
  if (new Set(items).size !== items.length) throw corrupt(`it lists ${what} twice`);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}
