/** Preloaded into a storage node: each request reaches its handler BENCH_DELAY_MS later, as over a network of that delay. */
import http from "node:http";

const delayMs = Number(process.env.BENCH_DELAY_MS ?? 0);
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, ...args) {
  if (event !== "request" || delayMs === 0) return emit.call(this, event, ...args);
  setTimeout(() => emit.call(this, event, ...args), delayMs);
  return true;
};
