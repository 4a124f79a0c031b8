/** Interleaved rounds: every contestant serves the same workload in turn, again and again; figures are medians of rounds. */
import { runLoad } from "./load.mjs";

const warmUpSeconds = 1;

/** One row per contestant. `jobs` of a workload are the same for all; answers are compared before anything is timed. */
export async function measure({ cluster, contestants, workload, clients, rounds, seconds }) {
  const { kind } = workload.jobAt(0);
  const able = Object.entries(contestants).filter(([, { kinds }]) => kinds.includes(kind));
  for (const [name, contestant] of able) await checkAnswers({ cluster, name, contestant, workload });
  const samples = new Map(able.map(([name]) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, contestant] of able) {
      const isWarmUp = round < 0;
      const sample = await sampleOf({
        cluster,
        contestant,
        workload,
        clients,
        seconds: isWarmUp ? warmUpSeconds : seconds,
      });
      if (!isWarmUp) samples.get(name).push(sample);
    }
  }
  const rows = able.map(([name]) => ({ contestant: name, ...mediansOf(samples.get(name)) }));
  const floor = rows.find(({ contestant }) => contestant === "bare proxy");
  return rows.map((row) => ({
    ...row,
    /** 1 / CPU per request, relative to the bare proxy. */
    capacityPerCore: floor === undefined ? null : floor.cpuPerRequestMs / row.cpuPerRequestMs,
  }));
}

async function sampleOf({ cluster, contestant, workload, clients, seconds }) {
  const cpuBefore = cluster.cpuMs(contestant.process);
  const nodesBefore = nodesCpuMs(cluster);
  const { requests, ...figures } = await runLoad({
    origin: cluster.originOf(contestant.process),
    clients,
    seconds,
    requestAt: (index) => contestant.dialect.requestOf(workload.jobAt(index)),
  });
  return {
    cpuPerRequestMs: (cluster.cpuMs(contestant.process) - cpuBefore) / requests,
    nodesCpuPerRequestMs: (nodesCpuMs(cluster) - nodesBefore) / requests,
    ...figures,
  };
}

/** Throws when what a contestant reads is not what was stored; entries carry their index, so stale ones show. */
async function checkAnswers({ cluster, name, contestant, workload }) {
  for (const index of [0, 1, 4321]) {
    const job = workload.jobAt(index);
    const { path, ...request } = contestant.dialect.requestOf(job);
    const origin = cluster.originOf(contestant.process);
    const answer = await fetch(origin + path, { ...request, headers: { "content-type": "application/json" } });
    const text = await answer.text();
    const result = answer.ok && contestant.dialect.resultOf(job, text === "" ? null : JSON.parse(text));
    const isRight = result === null || (result !== false && isExpected(job, result));
    if (!isRight) throw new Error(`${name} answered ${workload.name} wrongly: ${answer.status} ${text.slice(0, 500)}`);
  }
}

/** Keys of the reading workloads end with their index, and their values carry it. */
function isExpected(job, result) {
  const indexOf = (key) => Number(key.slice(key.lastIndexOf(":") + 1));
  if (job.kind === "scan") {
    const isInOrder = result.every(({ key }, at) => at === 0 || result[at - 1].key < key);
    return (
      isInOrder && result.length === Math.min(job.limit, 100) && result.every(({ key }) => key.startsWith(job.prefix))
    );
  }
  const keys = job.kind === "get" ? [job.key] : job.keys;
  return result.length === keys.length && result.every((value, at) => value.index === indexOf(keys[at]));
}

function nodesCpuMs(cluster) {
  return cluster.nodeNames.reduce((sum, name) => sum + cluster.cpuMs(name), 0);
}

function mediansOf(samples) {
  const medianOf = (field) => {
    const sorted = samples.map((sample) => sample[field]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  return Object.fromEntries(Object.keys(samples[0]).map((field) => [field, medianOf(field)]));
}
