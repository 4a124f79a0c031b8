/**
 * What every hand-written peer shares: it knows the shards' owners, hashes keys as the gateway does, and speaks to the
 * storage nodes' plain routes, one request per key. The map is read once; a peer does not follow changes of it.
 */
import { Pool } from "undici";
import { readShardMap } from "../shard-map.mjs";

/** `{ get, put, page }` over the storage nodes behind the gateway at `gatewayOrigin`; values are JSON text. */
export async function connectBackend(gatewayOrigin) {
  const map = await readShardMap(gatewayOrigin);
  const pools = new Map(
    [...new Set(map.shards.map(map.originOf))].map((origin) => [origin, new Pool(origin, { connections: 64 })]),
  );
  const owners = map.shards.map((shard) => pools.get(map.originOf(shard)));

  async function forward(method, key, body) {
    const shard = map.shardOf(key);
    const path = `/shard/${shard}/store/${encodeURIComponent(key)}`;
    const answer = await owners[shard].request({ method, path, body });
    const text = await answer.body.text();
    if (answer.statusCode >= 400 && answer.statusCode !== 404) throw new Error(`${answer.statusCode} ${text}`);
    return { status: answer.statusCode, text };
  }

  return {
    forward,
    /** The value's text; null when there is none. */
    async get(key) {
      const { status, text } = await forward("GET", key);
      return status === 404 ? null : text;
    },
    put: (key, text) => forward("PUT", key, text),
    /** The first `limit` entries of all shards whose key starts with `prefix`, in key order. */
    async page(prefix, limit) {
      const query = `prefix=${encodeURIComponent(prefix)}&limit=${limit}`;
      const pages = await Promise.all(
        owners.map(async (owner, shard) => {
          const answer = await owner.request({ method: "GET", path: `/shard/${shard}/store?${query}` });
          return (await answer.body.json()).entries;
        }),
      );
      return pages
        .flat()
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, limit);
    },
  };
}

/** For the GraphQL peers: an answer's part that is known to be JSON is sent as what it parses to. */
export const typeDefs = /* GraphQL */ `
  scalar JSON
  type Entry {
    key: String!
    value: JSON!
  }
  type KeyNotFound {
    key: String!
  }
  union GetResult = Entry | KeyNotFound
  type PutSuccess {
    key: String!
  }
  input PutInput {
    key: String!
    value: JSON!
  }
  type Query {
    get(key: String!): Entry
    entries(keys: [String!]!): [GetResult!]
  }
  type Mutation {
    put(key: String!, value: JSON!): PutSuccess
    putMany(items: [PutInput!]!): [PutSuccess!]
  }
`;

/** Resolvers over `loaderOf(context)`, a DataLoader from key to value text or null. */
export function resolversWith(backend, loaderOf) {
  const put = async (key, value) => {
    await backend.put(key, JSON.stringify(value));
    return { __typename: "PutSuccess", key };
  };
  return {
    Query: {
      get: async (_root, { key }, context) => {
        const text = await loaderOf(context).load(key);
        return text === null ? null : { key, value: JSON.parse(text) };
      },
      entries: (_root, { keys }, context) =>
        Promise.all(
          keys.map(async (key) => {
            const text = await loaderOf(context).load(key);
            return text === null
              ? { __typename: "KeyNotFound", key }
              : { __typename: "Entry", key, value: JSON.parse(text) };
          }),
        ),
    },
    Mutation: {
      put: (_root, { key, value }) => put(key, value),
      putMany: (_root, { items }) => Promise.all(items.map(({ key, value }) => put(key, value))),
    },
  };
}
