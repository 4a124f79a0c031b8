/**
 * The tabs that the playground opens with. They work in any order, but explain most when run from left to right; their
 * lines are short enough for half a screen. Browsers load this file unbundled, so it has no imports.
 */

interface PreparedTab {
  readonly query: string;
  /** JSON text. */
  readonly variables?: string;
}

const firstPutAndGet = `# Write one entry and read it back.
# Ctrl-Enter runs it. Fields of a mutation
# run in order: get sees what put wrote.
mutation FirstPutAndGet {
  put(key: "user/ada", value: { name: "Ada" }) {
    ... on PutSuccess {
      isNew
      entry {
        version
        shard {
          number
        }
      }
    }
    ... on Problem {
      code
      message
    }
  }
  get(key: "user/ada") {
    key
    value
    updatedAt
  }
}
`;

const manyKeys = `# Many keys in one field, at most one request
# per storage node. Each key has its own
# result, in the order of the keys: one that
# fails does not affect the others.
query ManyKeys($keys: [String!]!) {
  entries(keys: $keys) {
    __typename
    ... on Entry {
      key
      value
      version
    }
    ... on Problem {
      code
      message
      isRetryable
    }
    ... on ShardUnavailable {
      key
      shard {
        number
        primary {
          name
          state
        }
      }
    }
  }
}
`;

const compareAndSet = `# A write with a condition happens only when
# the condition holds. "create" works once.
# "replace" needs the entry's version: copy it
# from the answer into the variables, and run
# this again. A third run shows that a version
# is valid for one write only.
mutation CompareAndSet($version: Version!) {
  create: put(
    key: "counter"
    value: { count: 1 }
    condition: { ifAbsent: true }
  ) {
    ...Outcome
  }
  replace: put(
    key: "counter"
    value: { count: 2 }
    condition: { ifVersion: $version }
  ) {
    ...Outcome
  }
}

fragment Outcome on PutResult {
  __typename
  ... on PutSuccess {
    entry {
      value
      version
    }
  }
  ... on VersionConflict {
    current {
      value
      version
    }
  }
  ... on Problem {
    code
    message
  }
}
`;

const scanWithCursor = `# Entries in key order, over all shards. For
# the next page copy "endCursor" from the
# answer into the variable "after".
query ScanWithCursor(
  $prefix: String!
  $first: Int!
  $after: String
) {
  scan(
    prefix: $prefix
    first: $first
    after: $after
  ) {
    edges {
      node {
        key
        value
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    unavailableShards {
      number
    }
  }
}
`;

const shardsAndNodes = `# Which shard a key belongs to, which storage
# node owns it, and the state of all nodes.
query ShardsAndNodes {
  shardForKey(key: "user/ada") {
    number
    state
    epoch
    keyCount
    primary {
      name
      url
    }
  }
  cluster {
    name
    shardCount
    mapVersion
    isHealthy
    storageNodes {
      name
      url
      state
      latencyMs
      lastSeenAt
    }
    shards {
      number
      state
      primary {
        name
      }
    }
  }
}
`;

const reassign = `# Assign a shard to another storage node. A
# change that would hide data is refused,
# unless "force" is true.
mutation Reassign(
  $shard: Int!
  $storageNode: String!
  $force: Boolean!
) {
  assignShard(
    input: {
      shard: $shard
      storageNode: $storageNode
      force: $force
    }
  ) {
    shard {
      number
      epoch
      primary {
        name
      }
      history(first: 3) {
        epoch
        storageNodeName
        cause
        at
      }
    }
  }
}
`;

export const preparedTabs: readonly [PreparedTab, ...PreparedTab[]] = [
  { query: firstPutAndGet },
  { query: manyKeys, variables: json({ keys: ["user/ada", "user/nobody", "."] }) },
  { query: compareAndSet, variables: json({ version: "999999" }) },
  { query: scanWithCursor, variables: json({ prefix: "", first: 10, after: null }) },
  { query: shardsAndNodes },
  { query: reassign, variables: json({ shard: 0, storageNode: "node2", force: false }) },
];

function json(value: object): string {
  return JSON.stringify(value, null, 2);
}
