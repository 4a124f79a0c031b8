/** One HTTP request over connections that are kept, with everything of its answer that can be compared. */
import { Agent, request } from "node:http";
import { connect } from "node:net";

export interface CallAnswer {
  readonly status: number;
  /** Without those that differ between any two answers. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const agent = new Agent({ keepAlive: true });

export function httpCall(origin: string, { method, path, headers = {}, body = "" }: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request(origin + path, { method, agent, headers: { ...headers, ...length } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("end", () => {
        const { date: _date, "x-request-id": _id, ...rest } = answer.headers;
        const headers = Object.fromEntries(Object.entries(rest).toSorted(([a], [b]) => a.localeCompare(b)));
        resolve({ status: answer.statusCode ?? 0, headers, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** How long a server may be silent before the client ends its side: many a damaged request is only a part of one. */
const patienceMs = 25;
/** How long the server may then take to end its own. */
const closeMs = 20_000;

/**
 * Sends all bytes over a connection of its own, waits for the answers, and hangs up. Resolves to everything that came,
 * a character for each byte; rejects when the server does not let go of the connection.
 */
export function rawCall(origin: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = "";
    const timer = setTimeout(() => {
      reject(new Error("The connection stays open."));
      socket.destroy();
    }, closeMs);
    socket.setTimeout(patienceMs, () => socket.end());
    // A server that refuses the rest of a request may reset the connection; what it said before counts.
    socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
