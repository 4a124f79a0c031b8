/**
 * A closed-loop load: each client sends the next request when it has the answer of the last, over connections of its own.
 * Requests are made beforehand, so that the load takes as little of the processor as it can from those it measures.
 */
import { connect } from "./connection.mjs";

/**
 * Connects `clients` clients to all origins of `jobs`, and gives `{ run, close, firstP99Ms }`. A job is a list of requests
 * that are sent at once, `{ origin, bytes, answerStart }`, and is done when all are answered. `run(seconds)` throws when an
 * answer is not a 2xx or does not begin with `answerStart`. Each client does one job before: a connection may wait until
 * somebody takes it, which `firstP99Ms` tells, and no figure of a run.
 */
export async function openLoad({ clients, jobs }) {
  const origins = [...new Set(jobs.flatMap((job) => job.map(({ origin }) => origin)))];
  const connected = await Promise.all(
    Array.from({ length: clients }, async () => {
      const entries = await Promise.all(origins.map(async (origin) => [origin, await connect(origin)]));
      return new Map(entries);
    }),
  );
  const close = () => {
    for (const connections of connected) for (const connection of connections.values()) connection.close();
  };
  const firstMs = [];
  const nextJob = inTurn(jobs);
  const first = connected.map((connections) => runClient(connections, { nextJob, endMs: 0, latenciesMs: firstMs }));
  try {
    await Promise.all(first);
  } catch (error) {
    close();
    throw error;
  }
  const firstP99Ms = quantileOf(Float64Array.from(firstMs).toSorted(), 0.99);
  return { run: (seconds) => runLoad(connected, jobs, seconds), close, firstP99Ms };
}

async function runLoad(connected, jobs, seconds) {
  const latenciesMs = [];
  const nextJob = inTurn(jobs);
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  await Promise.all(connected.map((connections) => runClient(connections, { nextJob, endMs, latenciesMs })));
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  const sorted = Float64Array.from(latenciesMs).toSorted();
  return {
    requests: sorted.length,
    requestsPerSecond: sorted.length / elapsedSeconds,
    p50Ms: quantileOf(sorted, 0.5),
    p99Ms: quantileOf(sorted, 0.99),
  };
}

/** A start of its own for each run, so that runs do not ask for the same keys in the same order. */
function inTurn(jobs) {
  let next = Math.floor(Math.random() * jobs.length);
  return () => jobs[next++ % jobs.length];
}

function quantileOf(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** One job at least, and no further one after `endMs`. */
function runClient(connections, { nextJob, endMs, latenciesMs }) {
  return new Promise((resolve, reject) => {
    let sentMs = 0;
    let unanswered = 0;
    const send = () => {
      sentMs = performance.now();
      const job = nextJob();
      unanswered = job.length;
      for (const request of job) connections.get(request.origin).exchange(request, answered);
    };
    const answered = (request, answer) => {
      const problem = problemOf(request, answer);
      if (problem !== null) return reject(problem);
      if (--unanswered > 0) return;
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentMs);
      if (nowMs < endMs) send();
      else resolve();
    };
    send();
  });
}

function problemOf({ bytes, answerStart }, answer) {
  if (answer instanceof Error) return answer;
  const { status, start } = answer;
  if (status >= 200 && status < 300 && start.startsWith(answerStart)) return null;
  const line = bytes.latin1Slice(0, bytes.indexOf("\r\n"));
  return new Error(`${line} with ${bytes.length} bytes was answered ${status} ${start}`);
}
