/**
 * Preloaded into a storage node: what arrives reaches its code BENCH_DELAY_MS later, as over a network of that delay. Of
 * HTTP, requests as a whole; of a connection that was upgraded, everything that comes in, in its order. Answers go at once,
 * so that each exchange is late once, whatever it travels by.
 */
import http from "node:http";

const delayMs = Number(process.env.BENCH_DELAY_MS ?? 0);
// Timers of one duration keep their order, so data and the end behind them do, too.
if (delayMs > 0) delayArrivals(http.Server.prototype, (callback) => setTimeout(callback, delayMs));

/** Has servers with this prototype see what arrives when `later` calls back, which it does in the order of its calls. */
export function delayArrivals(prototype, later) {
  const { emit } = prototype;
  prototype.emit = function (event, ...args) {
    if (event !== "request" && event !== "upgrade") return emit.call(this, event, ...args);
    if (event === "upgrade") delayReading(args[1], later);
    later(() => emit.call(this, event, ...args));
    return true;
  };
}

function delayReading(socket, later) {
  const { push } = socket;
  socket.push = function (chunk, encoding) {
    later(() => push.call(this, chunk, encoding));
    return true;
  };
}
