/**
 * The bounds that clients meet and operators may change: their defaults with the reasons, their names, their allowed
 * ranges, and the error code of a request that exceeds them.
 */
import { ShardgateError, type ErrorCode } from "./error.js";
import { batchKeysMax, pageEntriesMax, valueBytesMax, valueDepthMax } from "./limits.js";

const mebibyte = 1024 * 1024;
const requestsMax = 2_000;

/** One configurable bound. docs/reference/limits.md is generated from these rules. */
export interface BoundRule {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  readonly code: ErrorCode;
  /** What is bounded, with its unit. */
  readonly help: string;
}

/** By property name; operators use the names that `boundName` returns. */
export const boundRules = {
  // A full `putMany` of 1000 items at 16 KiB each.
  bodyBytes: rule([16 * mebibyte, 1024, 2 ** 28], "BODY_TOO_LARGE", "bytes of a GraphQL request's body"),
  // A value of maximum depth as a variable, with the enclosing braces and some room.
  bodyDepth: rule([2 * valueDepthMax, 4, 10_000], "BODY_TOO_COMPLEX", "levels of nesting in a JSON body"),
  // JSON.parse pays for each part. Full-size values have fewer, as do nearly all import batches.
  bodyParts: rule(
    [1_200_000, 100, 100_000_000],
    "BODY_TOO_COMPLEX",
    "parts of a JSON body: each array, object and element counts 1, each member 4",
  ),
  // A page of text for every allowed field. Longer values belong into variables.
  documentBytes: rule([256 * 1024, 64, 2 ** 24], "DOCUMENT_TOO_LARGE", "bytes of a GraphQL document"),
  // Parsed and validated in about ten milliseconds.
  documentTokens: rule([15_000, 10, 2 ** 20], "DOCUMENT_TOO_LARGE", "tokens of a document, and its lines"),
  // Each operation is validated with all fragments that it reaches.
  documentDefinitions: rule([100, 1, 10_000], "DOCUMENT_TOO_LARGE", "operations and fragments"),
  // Twice the depth of the introspection query, which is deeper than queries that people write.
  documentDepth: rule([32, 1, 1000], "DOCUMENT_TOO_DEEP", "levels of fields, through fragments"),
  // A client that needs one field many times can use `entries`, `nodes`, `putMany` and `deleteMany`.
  documentAliases: rule([100, 0, 100_000], "TOO_MANY_ALIASES", "aliases in a document"),
  // Two for each fragment of a large application.
  documentDirectives: rule([100, 0, 100_000], "TOO_MANY_DIRECTIVES", "directives in a document"),
  // A hundred batch fields with fifty fields for each item.
  documentFields: rule([5_000, 1, 1_000_000], "TOO_MANY_FIELDS", "fields in a document, fragments expanded"),
  // Each may be a batch.
  rootFields: rule([100, 1, 10_000], "TOO_MANY_ROOT_FIELDS", "root fields of an operation"),
  // Ten full batch fields, or two pages of the largest cluster.
  requestCost: rule([10_000, 1, 10_000_000], "REQUEST_TOO_COSTLY", "keys and shards asked for in one request"),
  batchKeys: rule([batchKeysMax, 1, 10_000], "TOO_MANY_KEYS", "keys, items or IDs in one batch field"),
  // Storage nodes list no more entries at once.
  pageEntries: rule([pageEntriesMax, 1, pageEntriesMax], "BAD_USER_INPUT", "entries in one page of a scan"),
  // Storage nodes accept nothing longer or deeper, so these two can only be lowered.
  valueBytes: rule([valueBytesMax, 1, valueBytesMax], "INVALID_VALUE", "bytes of a value's JSON text"),
  valueDepth: rule([valueDepthMax, 0, valueDepthMax], "INVALID_VALUE", "levels of nesting in a value"),
  // The gateway holds the values in memory, those of all fields of the request together.
  answerBytes: rule(
    [64 * mebibyte, valueBytesMax, 2 ** 30],
    "ANSWER_TOO_LARGE",
    "bytes of values that one request may read",
  ),
  // A hundred full batch fields, or the grid of a large cluster.
  listItems: rule([100_000, 1, 10_000_000], "ANSWER_TOO_LARGE", "items of all lists in one answer"),
  // About a second's work; further requests would wait too long.
  requests: rule([requestsMax, 1, 100_000], "OVERLOADED", "concurrent requests"),
  // A single client gets half of all.
  clientRequests: rule([requestsMax / 2, 1, 100_000], "TOO_MANY_REQUESTS", "concurrent requests of one client"),
  // Parsed bodies take about four times as much memory.
  bodiesBytes: rule([128 * mebibyte, 1024, 2 ** 34], "OVERLOADED", "bytes of all request bodies in progress"),
  // Includes the values in them, and answers that slow clients have not read yet.
  answersBytes: rule([256 * mebibyte, 1024, 2 ** 34], "OVERLOADED", "bytes of all responses in progress"),
  // About 100 MB of buffers and objects when all of them are idle. A connection beyond the bound gets no answer at all.
  connections: rule([10_000, 1, 1_000_000], "OVERLOADED", "connections; others are closed at once"),
} as const satisfies Readonly<Record<string, BoundRule>>;

export type BoundProperty = keyof typeof boundRules;

/** The value of every configurable bound. */
export type GatewayBounds = Readonly<Record<BoundProperty, number>>;

export const boundProperties = Object.keys(boundRules) as readonly BoundProperty[];

/** The bounds that apply unless an operator changes them. */
export const defaultBounds = Object.fromEntries(
  boundProperties.map((property) => [property, boundRules[property].default]),
) as GatewayBounds;

/** Bounds that each process counts on its own, so that the processes of one gateway must divide them. */
const sharedBounds: readonly BoundProperty[] = [
  "requests",
  "clientRequests",
  "bodiesBytes",
  "answersBytes",
  "connections",
];

/** Names of the shared bounds that are smaller than the number of processes. */
export function unshareable(bounds: GatewayBounds, processes: number): readonly string[] {
  return sharedBounds.filter((property) => bounds[property] < processes).map(boundName);
}

/** The bounds of each of `processes` processes, so that together they do not exceed `bounds`. */
export function shareOf(bounds: GatewayBounds, processes: number): GatewayBounds {
  const shares = sharedBounds.map((property) => [property, Math.floor(bounds[property] / processes)] as const);
  return { ...bounds, ...Object.fromEntries(shares) };
}

/** The name that operators use: `batchKeys` is `batch-keys`. */
export function boundName(property: BoundProperty): string {
  return property.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}

/** The bounds set by a comma-separated list of `name=number`. Throws BAD_REQUEST that names the valid choices. */
export function parseBounds(text: string): Partial<GatewayBounds> {
  return Object.fromEntries(text.split(",").map((part) => parseBound(part.trim())));
}

function parseBound(text: string): readonly [BoundProperty, number] {
  const [name = "", digits = "", ...rest] = text.split("=");
  const property = boundProperties.find((each) => boundName(each) === name);
  if (property === undefined) {
    const known = boundProperties.map(boundName).join(", ");
    throw new ShardgateError("BAD_REQUEST", `${JSON.stringify(name)} is not a limit. The limits are: ${known}.`);
  }
  const { least, most } = boundRules[property];
  const number = rest.length === 0 && /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
  if (number >= least && number <= most) return [property, number];
  throw new ShardgateError("BAD_REQUEST", `${name} must be a whole number from ${least} to ${most}.`);
}

function rule(
  [standard, least, most]: readonly [standard: number, least: number, most: number],
  code: ErrorCode,
  help: string,
): BoundRule {
  return { default: standard, least, most, code, help };
}
