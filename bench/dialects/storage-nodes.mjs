/**
 * The storage nodes themselves, asked by a client that knows the shard map: the plain routes for one entry, one
 * `POST /batch` for each node concerned otherwise. src/wire/batch/batch-body.ts says what such a body is.
 */

/** The dialect for the nodes of `map` (shard-map.mjs). */
export function storageNodes(map) {
  return {
    requestsOf: (job) => {
      if (job.kind === "get" || job.kind === "put") return [plainRequest(map, job)];
      return [...groupsOf(map, job)].map(([origin, operations]) => batchRequest(origin, operations));
    },
    resultOf: (job, texts) => {
      if (job.kind === "get") return [JSON.parse(texts[0])];
      if (job.kind === "put") return null;
      const operations = [...groupsOf(map, job).values()].flat();
      const outcomes = texts.flatMap(outcomesOf);
      const refused = outcomes.find(({ status }) => status !== 200 && status !== 201);
      if (refused !== undefined) throw new Error(`A storage node refused an operation: ${JSON.stringify(refused)}`);
      if (job.kind === "getMany") {
        const values = new Map(operations.map(({ key }, index) => [key, outcomes[index].value]));
        return job.keys.map((key) => values.get(key));
      }
      return job.kind === "scan" ? firstOf(job.limit, outcomes) : null;
    },
  };
}

function plainRequest(map, { kind, key, value }) {
  const shard = map.shardOf(key);
  const place = { origin: map.originOf(shard), path: `/shard/${shard}/store/${encodeURIComponent(key)}` };
  return kind === "put"
    ? { ...place, method: "PUT", body: value, answerStart: "" }
    : { ...place, method: "GET", answerStart: '{"index":' };
}

/** Origin to the operations for it, in the job's order. */
function groupsOf(map, job) {
  const groups = new Map();
  for (const operation of operationsOf(map, job)) {
    const origin = map.originOf(operation.shard);
    groups.set(origin, [...(groups.get(origin) ?? []), operation]);
  }
  return groups;
}

function operationsOf(map, job) {
  switch (job.kind) {
    case "getMany":
      return job.keys.map((key) => ({ op: "get", shard: map.shardOf(key), key }));
    case "putMany":
      return job.items.map(({ key, value }) => ({ op: "put", shard: map.shardOf(key), key, value }));
    case "scan":
      return map.shards.map((shard) => ({ op: "scan", shard, prefix: job.prefix, limit: job.limit }));
  }
}

function batchRequest(origin, operations) {
  const head = operations.map(({ value, ...operation }) =>
    value === undefined ? operation : { ...operation, valueBytes: Buffer.byteLength(value) },
  );
  const values = operations.map(({ value }) => value ?? "").join("");
  const body = `${JSON.stringify({ operations: head })}\n${values}`;
  return { origin, method: "POST", path: "/batch", body, answerStart: '{"outcomes":[{"status":20' };
}

/** The outcomes of one batch, with the values in them instead of behind them. */
function outcomesOf(text) {
  const bytes = Buffer.from(text);
  const newline = bytes.indexOf("\n");
  let at = newline + 1;
  const withValue = ({ valueBytes, ...outcome }) => {
    if (outcome.entries !== undefined) return { ...outcome, entries: outcome.entries.map(withValue) };
    if (valueBytes === undefined) return outcome;
    const value = JSON.parse(bytes.toString("utf8", at, at + valueBytes));
    at += valueBytes;
    return { ...outcome, value };
  };
  return JSON.parse(bytes.toString("utf8", 0, newline)).outcomes.map(withValue);
}

function firstOf(limit, pages) {
  return pages
    .flatMap(({ entries }) => entries.map(({ key, value }) => ({ key, value })))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, limit);
}
