/** Clients that write, each one new key after another, until they are told to stop; and what they were told meanwhile. */
import { expect, onTestFinished } from "vitest";
import { graphql, graphqlData } from "./gateway-calls.js";
import { eventually } from "./processes.js";

const clients = 8;
const pageKeys = 500;

const putDocument = `mutation ($key: String!) {
  put(key: $key, value: 1) { ... on PutSuccess { entry { version } } ... on Problem { code isRetryable } }
}`;
const readDocument = `query ($keys: [String!]!) {
  entries(keys: $keys) { ... on Entry { key version } ... on Problem { code } }
}`;

interface PutAnswer {
  readonly put: {
    readonly entry?: { readonly version: string };
    readonly code?: string;
    readonly isRetryable?: boolean;
  } | null;
}

export interface Writers {
  /** The versions of what was acknowledged, by key. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Of what was refused: the code, and whether it is retryable. */
  readonly codes: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** Through the gateway at `origin`; they end with the test at the latest. */
export function startWriters(origin: string): Writers {
  const acknowledged = new Map<string, string>();
  const codes = new Set<string>();
  let isWriting = true;
  const writers = Array.from({ length: clients }, async (_, writer) => {
    for (let index = 0; isWriting; index++) {
      const key = `writer${writer}:${index}`;
      const outcome = (await graphql<PutAnswer>(origin, putDocument, { key }).catch(() => null))?.data?.put;
      if (outcome?.entry !== undefined) acknowledged.set(key, outcome.entry.version);
      if (outcome?.code !== undefined) codes.add(`${outcome.code} ${outcome.isRetryable}`);
    }
  });
  const stop = async (): Promise<void> => {
    isWriting = false;
    await Promise.all(writers);
  };
  onTestFinished(stop);
  return { acknowledged, codes, stop };
}

/** Waits until everything that was acknowledged can be read, each key with its version. */
export async function expectKept(origin: string, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const written = [...acknowledged].map(([key, version]) => ({ key, version }));
  for (let start = 0; start < written.length; start += pageKeys) {
    const page = written.slice(start, start + pageKeys);
    await eventually(async () => {
      const { entries } = await graphqlData(origin, readDocument, { keys: page.map(({ key }) => key) });
      expect(entries).toEqual(page);
    });
  }
}
