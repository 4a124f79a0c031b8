/**
 * The bounds that an operator may set, of those that clients meet. What each is by default stands in limits.ts with its
 * reason; here is how it is called, how far it may be moved, and with which code a request beyond it is refused.
 */
import { ShardgateError, type ErrorCode } from "./error.js";
import {
  batchKeysMax,
  gatewayAnswersBytesMax,
  gatewayBodiesBytesMax,
  gatewayClientRequestsMax,
  gatewayConnectionsMax,
  gatewayRequestsMax,
  graphqlAliasesMax,
  graphqlBodyBytesMax,
  graphqlCostMax,
  graphqlDefinitionsMax,
  graphqlDepthMax,
  graphqlDirectivesMax,
  graphqlDocumentBytesMax,
  graphqlFieldsMax,
  graphqlRootFieldsMax,
  graphqlTokensMax,
  jsonBodyDepthMax,
  jsonBodyPartsMax,
  pageEntriesMax,
  requestAnswerBytesMax,
  requestListItemsMax,
  valueBytesMax,
  valueDepthMax,
} from "./limits.js";

/** One settable bound. docs/reference/limits.md is generated from these. */
export interface BoundRule {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  readonly code: ErrorCode;
  /** What is bounded, with its unit. */
  readonly help: string;
}

/** By the names that the code uses; operators write them as `boundName` does. */
export const boundRules = {
  bodyBytes: rule([graphqlBodyBytesMax, 1024, 2 ** 28], "BODY_TOO_LARGE", "bytes of a GraphQL request's body"),
  bodyDepth: rule([jsonBodyDepthMax, 4, 10_000], "BODY_TOO_COMPLEX", "levels of nesting in a JSON body"),
  bodyParts: rule(
    [jsonBodyPartsMax, 100, 100_000_000],
    "BODY_TOO_COMPLEX",
    "parts of a JSON body: each array, object and element counts 1, each member 4",
  ),
  documentBytes: rule([graphqlDocumentBytesMax, 64, 2 ** 24], "DOCUMENT_TOO_LARGE", "bytes of a GraphQL document"),
  documentTokens: rule([graphqlTokensMax, 10, 2 ** 20], "DOCUMENT_TOO_LARGE", "tokens of a document, and its lines"),
  documentDefinitions: rule([graphqlDefinitionsMax, 1, 10_000], "DOCUMENT_TOO_LARGE", "operations and fragments"),
  documentDepth: rule([graphqlDepthMax, 1, 1000], "DOCUMENT_TOO_DEEP", "levels of fields, through fragments"),
  documentAliases: rule([graphqlAliasesMax, 0, 100_000], "TOO_MANY_ALIASES", "aliases in a document"),
  documentDirectives: rule([graphqlDirectivesMax, 0, 100_000], "TOO_MANY_DIRECTIVES", "directives in a document"),
  documentFields: rule([graphqlFieldsMax, 1, 1_000_000], "TOO_MANY_FIELDS", "fields in a document, fragments expanded"),
  rootFields: rule([graphqlRootFieldsMax, 1, 10_000], "TOO_MANY_ROOT_FIELDS", "root fields of an operation"),
  requestCost: rule([graphqlCostMax, 1, 10_000_000], "REQUEST_TOO_COSTLY", "keys and shards asked for in one request"),
  batchKeys: rule([batchKeysMax, 1, 10_000], "TOO_MANY_KEYS", "keys, items or IDs in one batch field"),
  // A storage node lists no more at once.
  pageEntries: rule([pageEntriesMax, 1, pageEntriesMax], "BAD_USER_INPUT", "entries in one page of a scan"),
  // Storage nodes take nothing longer or deeper, so these two can only be lowered.
  valueBytes: rule([valueBytesMax, 1, valueBytesMax], "INVALID_VALUE", "bytes of a value's JSON text"),
  valueDepth: rule([valueDepthMax, 0, valueDepthMax], "INVALID_VALUE", "levels of nesting in a value"),
  answerBytes: rule(
    [requestAnswerBytesMax, valueBytesMax, 2 ** 30],
    "ANSWER_TOO_LARGE",
    "bytes of values that one request may read",
  ),
  listItems: rule([requestListItemsMax, 1, 10_000_000], "ANSWER_TOO_LARGE", "items of all lists in one answer"),
  requests: rule([gatewayRequestsMax, 1, 100_000], "OVERLOADED", "concurrent requests"),
  clientRequests: rule(
    [gatewayClientRequestsMax, 1, 100_000],
    "TOO_MANY_REQUESTS",
    "concurrent requests of one client",
  ),
  bodiesBytes: rule([gatewayBodiesBytesMax, 1024, 2 ** 34], "OVERLOADED", "bytes of all request bodies in progress"),
  answersBytes: rule([gatewayAnswersBytesMax, 1024, 2 ** 34], "OVERLOADED", "bytes of all responses in progress"),
  // Nothing is answered on a connection that is one too many.
  connections: rule([gatewayConnectionsMax, 1, 1_000_000], "OVERLOADED", "connections; others are closed at once"),
} as const satisfies Readonly<Record<string, BoundRule>>;

export type BoundProperty = keyof typeof boundRules;

/** Every settable bound as it is in force. */
export type GatewayBounds = Readonly<Record<BoundProperty, number>>;

export const boundProperties = Object.keys(boundRules) as readonly BoundProperty[];

/** What is in force when nobody says otherwise. */
export const defaultBounds = Object.fromEntries(
  boundProperties.map((property) => [property, boundRules[property].default]),
) as GatewayBounds;

/** Those of which each process counts its own use, so that several processes of one gateway have to share them. */
const sharedBounds: readonly BoundProperty[] = [
  "requests",
  "clientRequests",
  "bodiesBytes",
  "answersBytes",
  "connections",
];

/** Names of those of which there is less than one for each of several processes. */
export function unshareable(bounds: GatewayBounds, processes: number): readonly string[] {
  return sharedBounds.filter((property) => bounds[property] < processes).map(boundName);
}

/** What each of several processes may have, so that together they have no more than `bounds`. */
export function shareOf(bounds: GatewayBounds, processes: number): GatewayBounds {
  const shares = sharedBounds.map((property) => [property, Math.floor(bounds[property] / processes)] as const);
  return { ...bounds, ...Object.fromEntries(shares) };
}

/** As operators write it: `batchKeys` is `batch-keys`. */
export function boundName(property: BoundProperty): string {
  return property.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}

/** The bounds that `name=number` texts, separated by commas, set. Throws BAD_REQUEST, saying what may be said instead. */
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
