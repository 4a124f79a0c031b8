/**
 * What shardgate means to hold, and whether results show that it does. The bounds are the aims of the project; all else is
 * computed from what was measured. What is held against an earlier build is in verdict.mjs, against PostGraphile in store-aims.mjs.
 */
import { labelOf } from "./label.mjs";
import { storeChecksOf } from "./store-aims.mjs";
import { verdictChecksOf } from "./verdict.mjs";

/** At 64 clients: capacity per core of the gateway, the bare proxy's being 1. */
const capacityMin = {
  "get, 100 B": 2,
  "get, 4 KB": 1.6,
  "100 keys of 100 B": 2.5,
  "100 keys of 4 KB": 1.5,
  "put, 100 B": 1.6,
  "putMany of 100, 100 B": 2.5,
};
const p99ToBareProxyMax = 1.2;
const p50AloneToBareProxyMax = 1.3;
const costGrowthMax = 1.2;
const rawReadsShareMin = 0.5;
const groupCommitGainMin = 20;
/** Contestants that are no peers: ourselves, and what has no GraphQL. */
const noPeers = new Set([
  "shardgate",
  "before",
  "shardgate over PostgreSQL",
  "shardgate REST",
  "bare proxy",
  "bare batching",
  "bare frames",
  "storage nodes",
]);

/**
 * `{ what, figure, isHeld }` for each aim, with `isHeld` null where nothing was measured. `results` is a map from suite to
 * result (results.mjs).
 */
export function checksOf(results) {
  const rowsOf = (suite) => results.get(suite)?.rows ?? [];
  const atOnce = (results.has("peers") ? rowsOf("peers") : rowsOf("quick")).filter(({ clients }) => clients === 64);
  const alone = (results.has("clients") ? rowsOf("clients") : rowsOf("quick")).filter(({ clients }) => clients === 1);
  return [
    ...Object.entries(capacityMin).map(([workload, min]) => capacityCheck(atOnce, workload, min)),
    ...measurementsOf(atOnce).map(p99Check),
    ...orUnmeasured("one client alone: p50 to the bare proxy's", measurementsOf(alone).map(aloneCheck)),
    ...orUnmeasured("cost per key from 1 to 1000 keys", keyChecks(rowsOf("keys"))),
    ...orUnmeasured("cost per request from 4 to 1024 shards", shardChecks(rowsOf("shards"))),
    ...orUnmeasured("storage node", storageChecks(results.get("storage"))),
    ...orUnmeasured("entries in PostgreSQL, beside PostGraphile", storeChecksOf(results)),
    ...orUnmeasured("beside an earlier build", verdictChecksOf(results)),
  ];
}

function orUnmeasured(what, checks) {
  return checks.length === 0 ? [{ what, figure: "not measured", isHeld: null }] : checks;
}

/** Rows of the same workload on the same cluster, together. */
export function measurementsOf(rows) {
  const groups = groupBy(rows, labelOf);
  return [...groups].map(([label, members]) => ({ label, rows: members }));
}

function capacityCheck(rows, workload, min) {
  const what = `${workload}, 64 clients: capacity per core at least ×${min}`;
  const row = rows.find((one) => one.workload === workload && one.contestant === "shardgate");
  if (row === undefined) return { what, figure: "not measured", isHeld: null };
  return { what, figure: `×${row.capacityPerCore.toFixed(2)}`, isHeld: row.capacityPerCore >= min };
}

function p99Check({ label, rows }) {
  const { shardgate, proxy } = both(rows);
  const best = rows.filter(({ contestant }) => !noPeers.has(contestant)).toSorted((a, b) => a.p99Ms - b.p99Ms)[0];
  const peer = best === undefined ? "" : `${best.contestant} ${best.p99Ms.toFixed(1)} ms, `;
  return {
    what: `${label}: p99 not above the best peer's, nor ${p99ToBareProxyMax} times the bare proxy's`,
    figure: `${shardgate.p99Ms.toFixed(1)} ms; ${peer}bare proxy ${proxy.p99Ms.toFixed(1)} ms`,
    isHeld: shardgate.p99Ms <= (best?.p99Ms ?? Infinity) && shardgate.p99Ms <= p99ToBareProxyMax * proxy.p99Ms,
  };
}

function aloneCheck({ label, rows }) {
  const { shardgate, proxy } = both(rows);
  const ratio = shardgate.p50Ms / proxy.p50Ms;
  return {
    what: `${label}: p50 at most ${p50AloneToBareProxyMax} times the bare proxy's`,
    figure: `${ratio.toFixed(2)} times (${shardgate.p50Ms.toFixed(2)} ms to ${proxy.p50Ms.toFixed(2)} ms)`,
    isHeld: ratio <= p50AloneToBareProxyMax,
  };
}

/** Each number of keys beside the number before it. */
function keyChecks(rows) {
  return ["100 B", "4 KB"].flatMap((size) => {
    const costs = ours(rows)
      .filter(({ workload }) => workload.endsWith(size))
      .map((row) => ({ count: Number.parseInt(row.workload, 10) || 1, cost: row.cpuPerRequestMs }))
      .map(({ count, cost }) => ({ count, cost: cost / count }))
      .toSorted((a, b) => a.count - b.count);
    return costs
      .slice(1)
      .map((to, index) =>
        growthCheck(`CPU per key of ${size}`, `${costs[index].count} to ${to.count} keys`, costs[index].cost, to.cost),
      );
  });
}

/** More shards beside the fewest, where the number of nodes is the same. */
function shardChecks(rows) {
  const byWorkload = groupBy(ours(rows), ({ workload, nodes }) => `${workload}, ${nodes} nodes`);
  return [...byWorkload].flatMap(([label, members]) => {
    const [fewest, ...more] = members.toSorted((a, b) => a.shards - b.shards);
    return more.map((row) =>
      growthCheck(
        `${label}: CPU per request`,
        `${fewest.shards} to ${row.shards} shards`,
        fewest.cpuPerRequestMs,
        row.cpuPerRequestMs,
      ),
    );
  });
}

function growthCheck(what, steps, from, to) {
  const ratio = to / from;
  return {
    what: `${what}, ${steps}: at most ×${costGrowthMax}`,
    figure: `×${ratio.toFixed(2)} (${(from * 1000).toFixed(1)} to ${(to * 1000).toFixed(1)} µs)`,
    isHeld: ratio <= costGrowthMax,
  };
}

function storageChecks(storage) {
  if (storage === undefined) return [];
  const reads = storage.reads.flatMap(({ bytes, batchSize, microsecondsPerKey }) => {
    const { "raw lmdb reads": raw, ...ways } = microsecondsPerKey;
    return Object.entries(ways).map(([way, microseconds]) => ({
      what: `storage node, batches of ${batchSize} reads of ${bytes} B, ${way}: at least ${rawReadsShareMin * 100} % of raw lmdb`,
      figure: `${((100 * raw) / microseconds).toFixed(0)} %`,
      isHeld: raw / microseconds >= rawReadsShareMin,
    }));
  });
  const { single, grouped } = storage.writesPerSecond;
  return [
    ...reads,
    {
      what: `storage node, group commit: at least ${groupCommitGainMin} times the synced writes of single commits`,
      figure: `${(grouped / single).toFixed(1)} times`,
      isHeld: grouped / single >= groupCommitGainMin,
    },
  ];
}

function ours(rows) {
  return rows.filter(({ contestant }) => contestant === "shardgate");
}

function both(rows) {
  const rowOf = (name) => rows.find(({ contestant }) => contestant === name);
  return { shardgate: rowOf("shardgate"), proxy: rowOf("bare proxy") };
}

function groupBy(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}
