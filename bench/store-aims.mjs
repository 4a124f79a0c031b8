/**
 * What storage nodes over PostgreSQL mean to hold, from the suite `store`: how many requests they serve beside PostGraphile
 * over the same server, by the median of the ratios of rounds, and how long a routed request takes at most.
 */
import { labelOf } from "./label.mjs";

const clientsAtOnce = 64;
/** At least so many times PostGraphile's requests per second, on the same cores. */
const rateMin = new Map([
  ["get, 100 B", 3],
  ["get, 4 KB", 3],
  ["100 keys of 100 B", 1],
  ["putMany of 100, 100 B", 1],
]);
const p99MsMax = 50;
const p99Workloads = new Set(["get, 100 B", "get, 4 KB", "put, 100 B", "100 keys of 100 B"]);

/** `{ suite, what, figure, isHeld }` for each aim that something was measured of; `results` as in targets.mjs. */
export function storeChecksOf(results) {
  return (results.get("store")?.rows ?? [])
    .filter(({ contestant, clients }) => contestant === "shardgate over PostgreSQL" && clients === clientsAtOnce)
    .flatMap((row) => [...rateChecks(row), ...cpuFigures(row), ...p99Checks(row)])
    .map((check) => ({ suite: "store", ...check }));
}

function rateChecks(row) {
  const min = rateMin.get(row.workload);
  if (min === undefined || row.toPostgraphile === undefined) return [];
  const { median, low, high } = row.toPostgraphile.requestsPerSecond;
  return [
    {
      what: `over PostgreSQL, ${labelOf(row)}: requests per second at least ×${min} of PostGraphile's`,
      figure: `×${median.toFixed(2)} (rounds ${low.toFixed(2)} to ${high.toFixed(2)})`,
      isHeld: median >= min,
    },
  ];
}

/** Nothing is aimed at, but on a busy machine this says more than rates do. */
function cpuFigures(row) {
  if (row.toPostgraphile === undefined) return [];
  const { median, low, high } = row.toPostgraphile.allCpuPerRequestMs;
  const figure = `×${median.toFixed(2)} (rounds ${low.toFixed(2)} to ${high.toFixed(2)})`;
  const what = `over PostgreSQL, ${labelOf(row)}: CPU of all processes per request, to PostGraphile's`;
  return [{ what, figure, isHeld: null }];
}

function p99Checks(row) {
  if (!p99Workloads.has(row.workload)) return [];
  return [
    {
      what: `over PostgreSQL, ${labelOf(row)}: p99 under ${p99MsMax} ms`,
      figure: `${row.p99Ms.toFixed(1)} ms`,
      isHeld: row.p99Ms < p99MsMax,
    },
  ];
}
