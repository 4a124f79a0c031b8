/** HTTP as bytes: what a hostile client sends, exactly as given, and what comes back. */
import { connect } from "node:net";

export type Bytes = string | Buffer;

/** Sends all bytes at once over a connection of its own. Resolves to the whole answer; to what there was when it is cut. */
export function exchange(origin: string, bytes: Bytes): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = "";
    const end = (): void => {
      socket.destroy();
      resolve(text);
    };
    // Not "utf8": lengths are counted in bytes.
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      if (isWhole(text)) end();
    });
    // A server that refuses the rest of a long body may reset the connection; what it said before counts.
    socket.on("error", () => {}).on("close", end);
  });
}

/** Sends all bytes at once over a connection of its own. Resolves to all that comes until the server closes it. */
export function conversation(origin: string, bytes: Bytes): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => {}).on("close", () => resolve(text));
  });
}

/** Sends the pieces one by one, `pauseMs` apart, until the server has enough of it. Resolves as `exchange`. */
export function drip(origin: string, pieces: readonly string[], pauseMs: number): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname);
    const left = pieces.values();
    const timer = setInterval(() => {
      const { value, done } = left.next();
      if (done !== true && socket.writable) socket.write(value);
    }, pauseMs);
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      if (isWhole(text)) socket.destroy();
    });
    socket
      .on("error", () => {})
      .on("close", () => {
        clearInterval(timer);
        resolve(text);
      });
  });
}

/** Whether `text` is a whole answer; interim ones (1xx) do not count. */
function isWhole(text: string): boolean {
  const start = withoutInterim(text);
  const headEnd = start.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const length = /^content-length: (\d+)\r$/im.exec(start.slice(0, headEnd + 1))?.[1];
  const body = start.slice(headEnd + 4);
  return length === undefined ? body.endsWith("0\r\n\r\n") : body.length >= Number(length);
}

function withoutInterim(text: string): string {
  return text.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, "");
}

/** An answer's status and the first code in it, as "400 BAD_REQUEST"; without a code "200", cut off without an answer "cut". */
export function summary(answer: string): string {
  const final = withoutInterim(answer);
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(final)?.[1];
  if (status === undefined) return "cut";
  const code = /"code":"([A-Z_]+)"/.exec(final)?.[1];
  return code === undefined ? status : `${status} ${code}`;
}
