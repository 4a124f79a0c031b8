/**
 * A closed-loop load: each client has a connection of its own and sends the next request when it has the answer of the
 * last. Latencies are taken with a nanosecond clock, because a millisecond is long here.
 */
import { Client } from "undici";

/** Runs `clients` clients for `seconds`; `requestAt(index)` makes each request. Throws when an answer is not a 200 or 201. */
export async function runLoad({ origin, clients, seconds, requestAt }) {
  const connections = Array.from({ length: clients }, () => new Client(origin, { bodyTimeout: 60_000 }));
  const latenciesNs = [];
  // A start of its own for each run, so that runs do not ask for the same keys in the same order.
  let next = Math.floor(Math.random() * 1e6);
  const startNs = process.hrtime.bigint();
  const endNs = startNs + BigInt(Math.round(seconds * 1e9));
  await Promise.all(
    connections.map(async (connection) => {
      while (process.hrtime.bigint() < endNs) {
        const sentNs = process.hrtime.bigint();
        await exchange(connection, requestAt(next++));
        latenciesNs.push(Number(process.hrtime.bigint() - sentNs));
      }
    }),
  );
  const elapsedSeconds = Number(process.hrtime.bigint() - startNs) / 1e9;
  await Promise.all(connections.map((connection) => connection.close()));
  const sorted = Float64Array.from(latenciesNs).toSorted();
  const quantileMs = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] / 1e6;
  return {
    requests: sorted.length,
    requestsPerSecond: sorted.length / elapsedSeconds,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
  };
}

/** Resolves when the whole answer has come. The body is looked at only when something is wrong. */
function exchange(connection, { method, path, body }) {
  return new Promise((resolve, reject) => {
    let status = 0;
    const chunks = [];
    connection.dispatch(
      { method, path, body, headers: jsonHeaders },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          if (chunks.length === 0 || status >= 300) chunks.push(chunk);
        },
        onResponseEnd() {
          const isGood = status < 300 && !String(chunks[0]).startsWith('{"errors"');
          if (isGood) resolve();
          else reject(new Error(`${method} ${path}: ${status} ${Buffer.concat(chunks).toString().slice(0, 500)}`));
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

const jsonHeaders = { "content-type": "application/json" };
