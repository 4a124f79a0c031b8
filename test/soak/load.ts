/**
 * The mixed load of a soak. Each worker draws one thing after the other to do, with keys of its own that only it writes,
 * so that the ledger knows what they must be; all workers together add to a few counters by compare-and-set. A few keys
 * get most of the traffic. The number of keys is fixed, so that the data do not grow.
 */
import { drip, exchange, summary } from "../support/raw-exchange.js";
import type { Random } from "../linearizability/random.js";
import { judgeHostile, type Answers, type GatewayCalls } from "./gateway-calls.js";
import { hostileRequests, readSlowly } from "./hostile-requests.js";
import type { Ledger } from "./ledger.js";

export interface LoadParts {
  readonly origin: string;
  readonly calls: GatewayCalls;
  readonly answers: Answers;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly random: Random;
  /** Gives no number twice. */
  readonly nextValue: () => number;
  readonly worker: number;
}

/** How often each counter was raised for certain, and how often perhaps. */
export class Counters {
  readonly keys: readonly string[] = Array.from({ length: 8 }, (_, index) => `counter/${index}`);
  readonly certain = new Map<string, number>();
  readonly perhaps = new Map<string, number>();

  raise(key: string, isCertain: boolean): void {
    const raised = isCertain ? this.certain : this.perhaps;
    raised.set(key, (raised.get(key) ?? 0) + 1);
  }

  complaint(key: string, count: number): string | null {
    const least = this.certain.get(key) ?? 0;
    const most = least + (this.perhaps.get(key) ?? 0);
    return count >= least && count <= most ? null : `${key} is ${count}; it was raised ${least} to ${most} times`;
  }
}

/** What a worker writes under its keys; `number` says which write it was. */
interface Value {
  readonly number: number;
  readonly filling: string;
}
interface PutMember {
  readonly __typename: string;
  /** Of a success. */
  readonly entry?: { readonly version: string };
}

const keysPerWorker = 150;
const batchSize = 20;
/** A few KiB mostly, now and then a large one. */
const fillingBytesMax = 2_000;
const largeBytes = 100_000;
const putFields = "__typename ... on PutSuccess { entry { version } } ... on Problem { code }";

type Deed = (parts: LoadParts) => Promise<void>;

/** Each as often as its number says. */
const deeds: readonly (readonly [number, Deed])[] = [
  [25, getOne],
  [15, getMany],
  [10, restGet],
  [15, putOne],
  [5, putMany],
  [6, restPut],
  [8, deleteOne],
  [10, raiseCounter],
  [6, putWithExpiry],
  [4, scanPage],
  [4, abort],
  [1, beSlow],
  [2, beHostile],
];
const weight = deeds.reduce((sum, [share]) => sum + share, 0);

/** Does one thing. Never rejects for what a gateway does. */
export async function doSomething(parts: LoadParts): Promise<void> {
  let draw = parts.random.next() * weight;
  const deed = deeds.find(([share]) => (draw -= share) < 0)?.[1] ?? getOne;
  await deed(parts);
}

export function ttlKey(index: number): string {
  return `ttl/${index}`;
}
export const ttlKeys = 300;

async function getOne({ calls, random }: LoadParts): Promise<void> {
  await calls.graphql("get", "query ($key: String!) { get(key: $key) { value version } }", { key: anyKey(random) });
}

async function getMany({ calls, random }: LoadParts): Promise<void> {
  const keys = Array.from({ length: batchSize }, () => anyKey(random));
  await calls.graphql(
    "entries",
    "query ($keys: [String!]!) { entries(keys: $keys) { __typename ... on Entry { value } } }",
    { keys },
  );
}

async function restGet({ calls, random }: LoadParts): Promise<void> {
  await calls.rest("REST get", "GET", anyKey(random));
}

async function putOne(parts: LoadParts): Promise<void> {
  const { calls, random, worker } = parts;
  const key = ownKey(random, worker);
  const value = valueOf(parts);
  const document = `mutation ($key: String!, $value: JSON!) { put(key: $key, value: $value) { ${putFields} } }`;
  const data = await calls.graphql<{ put: PutMember | null }>("put", document, { key, value });
  settlePut(parts, key, value, data?.put ?? null);
}

async function putMany(parts: LoadParts): Promise<void> {
  const { calls, random, worker } = parts;
  const keys = [...new Set(Array.from({ length: batchSize }, () => ownKey(random, worker)))];
  const items = keys.map((key) => ({ key, value: valueOf(parts) }));
  const document = `mutation ($items: [PutInput!]!) { putMany(items: $items) { ${putFields} } }`;
  const data = await calls.graphql<{ putMany: readonly PutMember[] | null }>("putMany", document, { items });
  for (const [index, { key, value }] of items.entries()) settlePut(parts, key, value, data?.putMany?.[index] ?? null);
}

async function restPut(parts: LoadParts): Promise<void> {
  const { calls, ledger, random, worker } = parts;
  const key = ownKey(random, worker);
  const value = valueOf(parts);
  const answered = await calls.rest("REST put", "PUT", key, { body: JSON.stringify(value) });
  if (answered?.status === 200 || answered?.status === 201) {
    ledger.put(key, value.number, Number(answered.headers.get("etag")?.replaceAll('"', "")));
  } else if (answered === null || answered.status === 504) {
    ledger.unknown(key, value.number);
  }
}

async function deleteOne({ calls, ledger, random, worker }: LoadParts): Promise<void> {
  const key = ownKey(random, worker);
  const answered = await calls.rest("REST delete", "DELETE", key);
  if (answered?.status === 204 || answered?.status === 404) ledger.deleted(key);
  else if (answered === null || answered.status === 504) ledger.unknown(key, null);
}

async function raiseCounter({ calls, counters, random }: LoadParts): Promise<void> {
  const key = random.pick(counters.keys);
  const read = await calls.graphql<{ get: { readonly value: number; readonly version: string } | null }>(
    "get",
    "query ($key: String!) { get(key: $key) { value version } }",
    { key },
  );
  // Without data it is not known whether there is an entry; the condition says what was seen.
  const current = read?.get ?? null;
  const condition = current === null ? { ifAbsent: true } : { ifVersion: current.version };
  const document = `mutation ($key: String!, $value: JSON!, $condition: WriteCondition) {
    put(key: $key, value: $value, condition: $condition) { ${putFields} } }`;
  const variables = { key, value: (current?.value ?? 0) + 1, condition };
  const data = await calls.graphql<{ put: PutMember | null }>("compare and set", document, variables);
  const kind = data?.put?.__typename ?? "OutcomeUnknown";
  if (kind === "PutSuccess" || kind === "OutcomeUnknown") counters.raise(key, kind === "PutSuccess");
}

async function putWithExpiry({ calls, random }: LoadParts): Promise<void> {
  const key = ttlKey(random.between(0, ttlKeys - 1));
  await calls.rest("REST put with expiry", "PUT", key, { body: '"soon gone"' }, `?ttl=${random.between(1, 3)}`);
}

async function scanPage({ calls, random, worker }: LoadParts): Promise<void> {
  const document =
    "query ($prefix: String!) { scan(prefix: $prefix, first: 50) { edges { node { key } } pageInfo { endCursor } } }";
  await calls.graphql("scan", document, { prefix: random.pick([`own/${worker}/`, "counter/", "ttl/"]) });
}

async function abort({ calls, random }: LoadParts): Promise<void> {
  const keys = Array.from({ length: 200 }, () => anyKey(random));
  const items = Array.from({ length: 50 }, (_, index) => ({ key: `aborted/${index}`, value: index }));
  const [document, variables] = random.chance(0.5)
    ? ["query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { value } } }", { keys }]
    : ["mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }", { items }];
  await calls.aborted("abort", document, variables, random.between(0, 20));
}

async function beSlow({ origin, answers, random }: LoadParts): Promise<void> {
  const keys = Array.from({ length: 500 }, () => anyKey(random));
  const body = JSON.stringify({
    query: "query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { value } } }",
    variables: { keys },
  });
  const head = `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  if (random.chance(0.5)) {
    await readSlowly(origin, head + body, random.between(100, 1_500));
    answers.count("slow reader");
  } else {
    const pieces = [head, ...(body.match(/[^]{1,1000}/g) ?? [])];
    await drip(origin, pieces, 50);
    answers.count("slow writer");
  }
}

async function beHostile({ origin, answers, random }: LoadParts): Promise<void> {
  const { name, bytes } = random.pick(hostileRequests);
  judgeHostile(answers, name, summary(await exchange(origin, bytes)));
}

function settlePut({ ledger }: LoadParts, key: string, { number }: Value, member: PutMember | null): void {
  if (member?.entry !== undefined) ledger.put(key, number, Number(member.entry.version));
  else if (member === null || member.__typename === "OutcomeUnknown") ledger.unknown(key, number);
}

function valueOf({ random, nextValue }: LoadParts): Value {
  const bytes = random.chance(0.01) ? largeBytes : random.between(0, fillingBytesMax);
  return { number: nextValue(), filling: "x".repeat(bytes) };
}

function anyKey(random: Random): string {
  return ownKey(random, random.between(1, workers));
}

/** Zipf's law with exponent 1, nearly: the logarithm of the rank is spread evenly. */
function ownKey(random: Random, worker: number): string {
  return `own/${worker}/${Math.floor(keysPerWorker ** random.next())}`;
}

export const workers = 12;
