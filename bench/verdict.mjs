/**
 * What this build means to hold beside an earlier one and beside the bare proxy: from the suites `before`, `few-clients`,
 * `many-nodes`, `workers` and storage.mjs. Ratios are medians over rounds that took turns (ratios.mjs).
 */
import { labelOf } from "./label.mjs";

/** At 64 clients: capacity per core, the bare proxy's being 1. */
const capacityMin = { "get, 100 B": 2, "get, 4 KB": 1.6, "put, 100 B": 1.6 };
const p99MsMax = 50;
const p99Workloads = new Set(["get, 100 B", "put, 100 B", "100 keys of 100 B"]);
const p50Max = (clients) => (clients === 1 ? 1.3 : 1.1);
/** Number of storage nodes to the CPU time of a get, that over one being 1. */
const getGrowthMax = new Map([
  [16, 1.3],
  [100, 1.6],
  [400, 2],
]);
const furtherNodeMicrosecondsMax = 15;
const singleGetNodeCpuMax = 0.5;

/** `{ suite, what, figure, isHeld }` for each aim that something was measured of; `results` as in targets.mjs. */
export function verdictChecksOf(results) {
  const oursOf = (suite) => (results.get(suite)?.rows ?? []).filter(({ contestant }) => contestant === "shardgate");
  const of = (suite, checksOfRow) =>
    oursOf(suite).flatMap((row) => checksOfRow(row).map((check) => ({ suite, ...check })));
  const manyNodes = oursOf("many-nodes");
  return [
    ...of("before", beforeChecks),
    ...of("few-clients", fewClientsChecks),
    ...of("many-nodes", (row) => manyNodesChecks(row, manyNodes)),
    ...of("workers", workersChecks),
    ...singlesChecks(results.get("storage")?.singles).map((check) => ({ suite: "storage", ...check })),
  ];
}

function beforeChecks(row) {
  const { workload, toBefore, toProxy, p99Ms } = row;
  const checks = [];
  if (toBefore !== undefined) {
    checks.push(ratioCheck(`${labelOf(row)}: CPU per request not above that before`, toBefore.cpuPerRequestMs, 1));
  }
  if (toBefore !== undefined && workload === "get, 100 B") {
    const what = `${labelOf(row)}: CPU of the storage nodes per get, to that before`;
    checks.push(ratioCheck(what, toBefore.nodesCpuPerRequestMs, singleGetNodeCpuMax));
  }
  if (toProxy !== undefined && capacityMin[workload] !== undefined) {
    checks.push(capacityCheck(row, capacityMin[workload]));
  }
  if (p99Workloads.has(workload)) {
    const what = `${labelOf(row)}: p99 under ${p99MsMax} ms`;
    checks.push({ what, figure: `${p99Ms.toFixed(1)} ms`, isHeld: p99Ms < p99MsMax });
  }
  return checks;
}

function fewClientsChecks(row) {
  const { clients, toProxy } = row;
  if (toProxy === undefined) return [];
  const p50 = ratioCheck(`${labelOf(row)}: p50 to the bare proxy's`, toProxy.p50Ms, p50Max(clients));
  return clients === 1 ? [p50] : [p50, capacityCheck(row, 1)];
}

function manyNodesChecks(row, rows) {
  const { workload, nodes, toFirst, nodesTouched, cpuPerRequestMs } = row;
  if (toFirst === undefined) return [];
  if (workload === "get, 100 B") {
    const max = getGrowthMax.get(nodes);
    return max === undefined
      ? []
      : [ratioCheck(`${labelOf(row)}: CPU per get to that over 1 node`, toFirst.cpuPerRequestMs, max)];
  }
  const fewest = rows.find((other) => other.workload === workload && other.toFirst === undefined);
  const further = nodesTouched - fewest.nodesTouched;
  const microseconds = ((cpuPerRequestMs - fewest.cpuPerRequestMs) * 1000) / further;
  return [
    {
      what: `${labelOf(row)}: CPU for each further storage node that it touches at most ${furtherNodeMicrosecondsMax} µs`,
      figure: `${microseconds.toFixed(1)} µs (${inMicroseconds(fewest)} for ${fewest.nodesTouched.toFixed(1)} nodes, ${inMicroseconds(row)} for ${nodesTouched.toFixed(1)})`,
      isHeld: microseconds <= furtherNodeMicrosecondsMax,
    },
  ];
}

function workersChecks(row) {
  const { p99Ms, firstP99Ms } = row;
  const figure = `${p99Ms.toFixed(1)} ms; of first answers ${firstP99Ms.toFixed(1)} ms`;
  return [{ what: `${labelOf(row)}: p99`, figure, isHeld: null }];
}

function singlesChecks(singles) {
  if (singles?.before === undefined) return [];
  const { today, before } = singles;
  const ratio = today.node / before.node;
  return [
    {
      what: `storage node, batches of one get over the wire: CPU of the storage node at most ×${singleGetNodeCpuMax} of that before`,
      figure: `×${ratio.toFixed(2)} (${today.node.toFixed(1)} to ${before.node.toFixed(1)} µs; their callers ${today.caller.toFixed(1)} to ${before.caller.toFixed(1)})`,
      isHeld: ratio <= singleGetNodeCpuMax,
    },
  ];
}

function capacityCheck(row, min) {
  const { median, low, high } = row.toProxy.cpuPerRequestMs;
  return {
    what: `${labelOf(row)}: capacity per core at least ×${min} of the bare proxy's`,
    figure: `×${(1 / median).toFixed(2)} (rounds ${(1 / high).toFixed(2)} to ${(1 / low).toFixed(2)})`,
    isHeld: 1 / median >= min,
  };
}

function ratioCheck(what, { median, low, high }, max) {
  return {
    what: `${what}, at most ×${max}`,
    figure: `×${median.toFixed(2)} (rounds ${low.toFixed(2)} to ${high.toFixed(2)})`,
    isHeld: median <= max,
  };
}

function inMicroseconds({ cpuPerRequestMs }) {
  return `${(cpuPerRequestMs * 1000).toFixed(0)} µs`;
}

/** For the console: a line for each of `checks` that something was measured of, and how to look into what was missed. */
export function verdictText(checks) {
  const words = { true: "holds  ", false: "MISSES ", null: "       " };
  const lines = checks.map(({ what, figure, isHeld }) => `${words[String(isHeld)]} ${what}: ${figure}`);
  const missed = [...new Set(checks.filter(({ isHeld }) => isHeld === false).map(({ suite }) => suite))];
  const hints = missed
    .filter((suite) => suite !== undefined && suite !== "storage")
    .map(
      (suite) => `Where its time goes: --suite ${suite} --profile FOLDER leaves CPU profiles of the gateways there.`,
    );
  return [...lines, ...hints].join("\n");
}
