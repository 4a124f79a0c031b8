/**
 * One kept-alive connection of a client of the load: raw bytes out, the fewest looks at what comes in. undici's client
 * costs the load more than twice the CPU per request, which it would take from the contestants on the same cores.
 */
import net from "node:net";
import { answerParser } from "./answer-parser.mjs";

const readBufferBytes = 64 * 1024;

/** What `exchange` sends: the bytes of a request to `origin`. */
export function requestBytes(origin, { method, path, body }) {
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${new URL(origin).host}\r\n`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const length = Buffer.byteLength(body);
  return Buffer.from(`${head}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`);
}

/**
 * Resolves when connected. `exchange(request, onAnswer)` sends `request.bytes` and calls `onAnswer(request, answer)` when
 * the whole answer has come, `answer` being an Error when none can come any more; one exchange at a time.
 */
export function connect(origin) {
  const { hostname, port } = new URL(origin);
  let current = null;
  const settle = (answer) => {
    if (current === null) return;
    const { request, onAnswer } = current;
    current = null;
    onAnswer(request, answer);
  };
  const parser = answerParser(settle);
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(readBufferBytes),
        callback(length, buffer) {
          try {
            parser.push(buffer.subarray(0, length));
          } catch (error) {
            socket.destroy(error);
          }
          return true;
        },
      },
    });
    const fail = (error) => {
      reject(error);
      settle(error);
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error(`${origin} closed the connection.`)));
    socket.on("connect", () =>
      resolve({
        exchange(request, onAnswer) {
          current = { request, onAnswer };
          if (socket.destroyed) settle(new Error(`${origin} closed the connection.`));
          else socket.write(request.bytes);
        },
        close: () => socket.destroy(),
      }),
    );
  });
}
