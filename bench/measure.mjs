/** Interleaved rounds: every contestant serves the same jobs in turn, again and again; figures are medians of rounds. */
import { requestBytes } from "./connection.mjs";
import { askerOf, database, processesOf } from "./contestants.mjs";
import { cpuMsBetween, readCpu } from "./cpu.mjs";
import { openLoad } from "./load.mjs";
import { ratiosOf } from "./ratios.mjs";
import { nodesTouchedBy } from "./shard-map.mjs";
import { entryOf, keyCount } from "./workloads.mjs";

/** Without these there is nothing to compare. Another that fails under load sits out the workload. */
const needed = new Set(["shardgate", "shardgate over PostgreSQL", "before", "bare proxy"]);
/** Which rounds a row is held against, by the ratio's name. */
const references = {
  toProxy: "bare proxy",
  toBefore: "before",
  toPostgraphile: "postgraphile",
  toLmdb: "shardgate",
};
/** At most so many bytes of requests are made beforehand for one contestant; then the first is sent again. */
const requestsBytesMax = 8 * 1024 * 1024;

/**
 * One row for each of `entrants` (`{ name, contestant, cluster, setting }`) that can do the workload, with `setting` in it;
 * their answers are compared before anything is timed. A row has its ratios to the same rounds of its cluster's `references`,
 * and to its contestant's on the first cluster.
 */
export async function measure({ entrants, workload, clients, rounds, seconds, warmUpSeconds }) {
  const able = entrants.filter(({ contestant }) => workload.kinds.every((kind) => contestant.kinds.includes(kind)));
  const jobs = jobsOf(workload);
  const prepared = [];
  for (const entrant of able) prepared.push(await prepare(entrant, workload, jobs));
  let running = prepared;
  for (let round = -1; round < rounds; round++) {
    // There and back, so that no contestant always comes after the same one.
    const inTurn = round % 2 === 0 ? running : running.toReversed();
    for (const one of inTurn) await addSample(one, clients, round < 0 ? warmUpSeconds : seconds);
    running = running.filter(({ samples }) => samples.length === round + 2);
  }
  for (const one of running) one.samples.shift();
  return running.map((one) => ({
    workload: workload.name,
    clients,
    ...one.entrant.setting,
    ...figuresOf(one, running),
  }));
}

async function prepare(entrant, workload, jobs) {
  const { name, contestant, cluster } = entrant;
  const asker = askerOf(contestant, cluster);
  for (const job of jobsToCheck(workload, jobs)) await checkAnswer({ name, asker, job });
  const { own, upstream } = processesOf(contestant, cluster.nodeNamesOf(contestant.build));
  return {
    entrant,
    jobs: jobs.map((job) => asker.requestsOf(job).map(prepareRequest)),
    nodesTouched: nodesTouchedBy(jobs, cluster.shardMap),
    ownPids: cluster.pidsOf(own),
    upstreamPids: cluster.pidsOf(upstream),
    databasePids: cluster.pidsOf(upstream.filter((process) => process === database)),
    /** The first is that of the warm-up, until it is dropped. */
    samples: [],
  };
}

function figuresOf({ entrant, samples, nodesTouched }, all) {
  const { name, cluster } = entrant;
  const samplesOf = (other) =>
    all.find((one) => one.entrant.name === other && one.entrant.cluster === cluster)?.samples;
  const medians = mediansOf(samples);
  const proxy = samplesOf(references.toProxy);
  const held = Object.entries(references).map(([ratio, other]) => [ratio, samplesOf(other)]);
  const ratios = held
    .filter(([, others]) => others !== undefined && others !== samples)
    .map(([ratio, others]) => [ratio, ratiosOf(samples, others)]);
  const first = all.find((one) => one.entrant.name === name);
  return {
    contestant: name,
    ...medians,
    nodesTouched,
    /** 1 / CPU per request, relative to the bare proxy. */
    capacityPerCore: proxy === undefined ? null : mediansOf(proxy).cpuPerRequestMs / medians.cpuPerRequestMs,
    ...Object.fromEntries(ratios),
    ...(first.entrant.cluster !== cluster && { toFirst: ratiosOf(samples, first.samples) }),
  };
}

/** Made once, so that all contestants do the same. */
function jobsOf(workload) {
  const jobBytes = JSON.stringify(workload.jobAt(0)).length + 200;
  const count = Math.max(100, Math.min(keyCount, Math.floor(requestsBytesMax / jobBytes)));
  return Array.from({ length: count }, (_, index) => workload.jobAt(index));
}

function prepareRequest(request) {
  return { origin: request.origin, bytes: requestBytes(request.origin, request), answerStart: request.answerStart };
}

async function addSample(one, clients, seconds) {
  try {
    one.samples.push(await sampleOf(one, clients, seconds));
  } catch (error) {
    const { name } = one.entrant;
    if (needed.has(name)) throw error;
    console.warn(`${name} sits this workload out: ${error.message}`);
  }
}

async function sampleOf({ jobs, ownPids, upstreamPids, databasePids }, clients, seconds) {
  const load = await openLoad({ clients, jobs });
  const groups = [ownPids, upstreamPids, databasePids];
  const before = groups.map((pids) => readCpu(pids));
  const { requests, ...figures } = await load.run(seconds).finally(load.close);
  const [own, upstream, ofDatabase] = groups.map((pids, at) => cpuMsBetween(before[at], readCpu(pids)) / requests);
  return {
    cpuPerRequestMs: own,
    nodesCpuPerRequestMs: upstream,
    databaseCpuPerRequestMs: ofDatabase,
    allCpuPerRequestMs: own + upstream,
    ...figures,
    firstP99Ms: load.firstP99Ms,
  };
}

/** Some of each kind. */
function jobsToCheck({ kinds }, jobs) {
  return kinds.flatMap((kind) => jobs.filter((job) => job.kind === kind).slice(0, 3));
}

/** Throws when what a contestant reads is not what was stored; after a write, when it does not read what it wrote. */
async function checkAnswer({ name, asker, job }) {
  const texts = await answersTo(asker.requestsOf(job));
  const problem = (why) => new Error(`${name} does ${JSON.stringify(job).slice(0, 300)} wrongly: ${why}`);
  if (texts instanceof Error) throw problem(texts.message);
  const result = asker.resultOf(job, texts);
  if (job.kind === "put") {
    await checkAnswer({ name, asker, job: { kind: "get", key: job.key, expected: [JSON.parse(job.value)] } });
  } else if (job.kind === "putMany") {
    const expected = job.items.map(({ value }) => JSON.parse(value));
    await checkAnswer({ name, asker, job: { kind: "getMany", keys: job.items.map(({ key }) => key), expected } });
  } else if (JSON.stringify(result) !== JSON.stringify(job.expected ?? expectedOf(job))) {
    throw problem(`${texts.join("\n").slice(0, 500)}`);
  }
}

async function answersTo(requests) {
  const texts = [];
  for (const { origin, path, method, body, answerStart } of requests) {
    const answer = await fetch(origin + path, { method, body, headers: { "content-type": "application/json" } });
    const text = await answer.text();
    if (!answer.ok || !text.startsWith(answerStart)) return new Error(`${answer.status} ${text.slice(0, 500)}`);
    texts.push(text);
  }
  return texts;
}

/** What was put in before (fill.mjs). The workloads that read a key write the same value to it, if any. */
function expectedOf(job) {
  switch (job.kind) {
    case "get":
      return [entryOf(job.key).value];
    case "getMany":
      return job.keys.map((key) => entryOf(key).value);
    case "scan":
      return Array.from({ length: job.limit }, (_, offset) => entryOf(job.prefix + String(offset).padStart(2, "0")));
  }
}

function mediansOf(samples) {
  const medianOf = (field) => {
    const sorted = samples.map((sample) => sample[field]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  return Object.fromEntries(Object.keys(samples[0]).map((field) => [field, medianOf(field)]));
}
