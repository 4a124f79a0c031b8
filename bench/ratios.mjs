/**
 * Rounds of two contestants that took turns, held against each other round by round: what disturbed the machine for a
 * while disturbed both, so the median of their ratios says more than the ratio of their medians.
 */

const figures = [
  "cpuPerRequestMs",
  "nodesCpuPerRequestMs",
  "allCpuPerRequestMs",
  "requestsPerSecond",
  "p50Ms",
  "p99Ms",
];

/** For each figure `{ median, low, high }` of ours to theirs; null where theirs was 0 in every round. */
export function ratiosOf(ours, theirs) {
  return Object.fromEntries(
    figures.map((figure) => {
      const ratios = ours
        .map((sample, round) => sample[figure] / theirs[round][figure])
        .filter(Number.isFinite)
        .toSorted((a, b) => a - b);
      if (ratios.length === 0) return [figure, null];
      return [figure, { median: ratios[Math.floor(ratios.length / 2)], low: ratios[0], high: ratios.at(-1) }];
    }),
  );
}
