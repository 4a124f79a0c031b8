/**
 * A closed-loop load: each client sends the next request when it has the answer of the last, over connections of its own.
 * Requests are made beforehand, so that the load takes as little of the processor as it can from those it measures.
 */
import { connect } from "./connection.mjs";

/**
 * Connects `clients` clients to all origins of `jobs`, and gives `{ run, close }`. A job is a list of requests that are
 * sent at once, `{ origin, bytes, answerStart }`, and is done when all are answered. `run(seconds)` throws when an answer
 * is not a 2xx or does not begin with `answerStart`.
 */
export async function openLoad({ clients, jobs }) {
  const origins = [...new Set(jobs.flatMap((job) => job.map(({ origin }) => origin)))];
  const connected = await Promise.all(
    Array.from({ length: clients }, async () => {
      const entries = await Promise.all(origins.map(async (origin) => [origin, await connect(origin)]));
      return new Map(entries);
    }),
  );
  return {
    run: (seconds) => runLoad(connected, jobs, seconds),
    close() {
      for (const connections of connected) for (const connection of connections.values()) connection.close();
    },
  };
}

async function runLoad(connected, jobs, seconds) {
  const latenciesMs = [];
  // A start of its own for each run, so that runs do not ask for the same keys in the same order.
  let next = Math.floor(Math.random() * jobs.length);
  const nextJob = () => jobs[next++ % jobs.length];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  await Promise.all(connected.map((connections) => runClient(connections, nextJob, endMs, latenciesMs)));
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  const sorted = Float64Array.from(latenciesMs).toSorted();
  const quantile = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return {
    requests: sorted.length,
    requestsPerSecond: sorted.length / elapsedSeconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

function runClient(connections, nextJob, endMs, latenciesMs) {
  return new Promise((resolve, reject) => {
    let sentMs = 0;
    let unanswered = 0;
    const send = () => {
      sentMs = performance.now();
      if (sentMs >= endMs) return resolve();
      const job = nextJob();
      unanswered = job.length;
      for (const request of job) connections.get(request.origin).exchange(request, answered);
    };
    const answered = (request, answer) => {
      const problem = problemOf(request, answer);
      if (problem !== null) return reject(problem);
      if (--unanswered > 0) return;
      latenciesMs.push(performance.now() - sentMs);
      send();
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
