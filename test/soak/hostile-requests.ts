/** Requests that no well-meaning client sends, as bytes; test/end-to-end/hostile-input.test.ts says what each deserves. */
import { connect } from "node:net";
import { valueBytesMax } from "../../src/core/limits.js";
import type { Bytes } from "../support/raw-exchange.js";

export interface HostileRequest {
  readonly name: string;
  readonly bytes: Bytes;
}

const graphql = (body: string, headers = ""): string =>
  `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}connection: close\r\n\r\n${body}`;
const query = (text: string): string => graphql(JSON.stringify({ query: text }));
const rest = (line: string, headers = "", body = ""): string =>
  `${line} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}connection: close\r\n\r\n${body}`;

export const hostileRequests: readonly HostileRequest[] = [
  { name: "no HTTP", bytes: "\x16\x03\x01 hello\r\n\r\n" },
  { name: "a body cut off", bytes: graphql('{"query":') },
  { name: "deep brackets", bytes: graphql("[".repeat(50_000)) },
  { name: "a deep document", bytes: query("{a".repeat(5_000)) },
  { name: "a deep value", bytes: rest("PUT /data/hostile", "", "[".repeat(1_000) + "]".repeat(1_000)) },
  { name: "a long value", bytes: rest("PUT /data/hostile", "", `"${"x".repeat(valueBytesMax)}"`) },
  {
    name: "many aliases",
    bytes: query(`{${Array.from({ length: 500 }, (_, n) => `a${n}:get(key:"none"){key}`).join(" ")}}`),
  },
  {
    name: "too many keys",
    bytes: graphql(
      JSON.stringify({
        query: "query($k:[String!]!){entries(keys:$k){__typename}}",
        variables: { k: Array.from({ length: 1001 }, String) },
      }),
    ),
  },
  { name: "an unknown field", bytes: query("{ nothing }") },
  { name: "a key that is none", bytes: query(String.raw`{ get(key: "\u0000") { key } }`) },
  { name: "a path that climbs", bytes: rest("GET /data/%2e%2e") },
  { name: "a broken escape", bytes: rest("GET /data/%zz") },
  { name: "a key too long", bytes: rest(`GET /data/${"k".repeat(2_000)}`) },
  { name: "a condition that is none", bytes: rest("PUT /data/hostile", "if-match: 7\r\n", "1") },
  { name: "a method that is none", bytes: rest("BREW /data/hostile") },
  { name: "a route that is none", bytes: rest("GET /nothing/here") },
  { name: "headers without end", bytes: `GET /health HTTP/1.1\r\n${"x-a: b\r\n".repeat(5_000)}` },
];

/** Asks for much, reads nothing for a while, and goes away. Resolves when the connection is closed. */
export function readSlowly(origin: string, bytes: Bytes, forMs: number): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname, () => socket.write(bytes)).pause();
    const timer = setTimeout(() => socket.destroy(), forMs);
    socket
      .on("error", () => {})
      .on("close", () => {
        clearTimeout(timer);
        resolve();
      });
  });
}
