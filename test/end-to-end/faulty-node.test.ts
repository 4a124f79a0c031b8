/**
 * A storage node, or the connection to it, sends invalid answers. A read gets SHARD_UNAVAILABLE; a write, which the
 * storage node has executed, gets OUTCOME_UNKNOWN and never the claim that it did not happen. Once the connection works
 * again, so does everything, without a restart.
 */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { graphqlData } from "../support/gateway-calls.js";
import { startFaultyLine, type FaultyLine, type LineFault, type NodeReply } from "../support/faulty-line.js";
import { startLiveCluster, type LiveCluster } from "../support/live-cluster.js";
import { eventually, freePorts } from "../support/processes.js";

let cluster: LiveCluster;
let line: FaultyLine;
const strays: unknown[] = [];
const onStray = (error: unknown): void => void strays.push(error);

beforeAll(async () => {
  process.on("unhandledRejection", onStray);
  const [port = 0] = await freePorts(1);
  line = await startFaultyLine(`http://127.0.0.1:${port}`);
  cluster = await startLiveCluster(4, [{ name: "node1", port, advertisedUrl: line.url }]);
  expect(await write("kept")).toBe("PutSuccess");
});
afterAll(async () => {
  line.fault = null;
  await cluster.close();
  await line.close();
  process.off("unhandledRejection", onStray);
});
afterEach(() => {
  expect(strays).toEqual([]);
  expect(cluster.log.lines.filter(({ level }) => level === "error")).toEqual([]);
});

/** "Entry" or another type of result, or the code of the problem. */
async function read(key: string): Promise<string> {
  const query = "query ($key: String!) { entries(keys: [$key]) { __typename ... on Problem { code } } }";
  const { entries } = await graphqlData<{ entries: { __typename: string; code?: string }[] }>(cluster.origin, query, {
    key,
  });
  return entries[0]?.code ?? String(entries[0]?.__typename);
}

/** "PutSuccess", or the code of the problem. */
async function write(key: string): Promise<string> {
  const query = "mutation ($key: String!) { put(key: $key, value: 1) { __typename ... on Problem { code } } }";
  const { put } = await graphqlData<{ put: { __typename: string; code?: string } }>(cluster.origin, query, { key });
  return put.code ?? put.__typename;
}

const whole = ({ head, body }: NodeReply): string => `${head}content-length: ${body.length}\r\n\r\n${body.toString()}`;
const withLength = (length: number, { head, body }: NodeReply): string =>
  `${head}content-length: ${length}\r\n\r\n${body.toString()}`;
const withBody = (body: string, { head }: NodeReply): string => `${head}content-length: ${body.length}\r\n\r\n${body}`;
const half = (text: string): string => text.slice(0, text.length - 12);

const faults: readonly (readonly [name: string, fault: LineFault])[] = [
  ["never answers", () => {}],
  ["answers half and closes", (socket, reply) => socket.end(half(whole(reply)))],
  ["answers half and hangs", (socket, reply) => socket.write(half(whole(reply)))],
  ["answers half and resets", (socket, reply) => socket.write(half(whole(reply)), () => socket.resetAndDestroy())],
  ["closes without an answer", (socket) => socket.end()],
  ["resets without an answer", (socket) => socket.resetAndDestroy()],
  [
    "answers byte by byte",
    (socket, reply) => {
      const bytes = whole(reply).split("").values();
      const timer = setInterval(() => {
        const { value, done } = bytes.next();
        if (done === true || !socket.writable) clearInterval(timer);
        else socket.write(value);
      }, 200);
    },
  ],
  [
    "answers HTML with 200",
    (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<h1>!"),
  ],
  ["answers with a huge header", (socket, reply) => socket.end(`${reply.head}x-a: ${"a".repeat(200_000)}\r\n\r\n`)],
  ["announces more than it sends", (socket, reply) => socket.end(withLength(reply.body.length + 10, reply))],
  ["announces less than it sends", (socket, reply) => socket.end(withLength(reply.body.length - 5, reply))],
  ["answers bytes that are no HTTP", (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")],
  ["gives no outcome", (socket, reply) => socket.end(withBody('{"outcomes":[]}\n', reply))],
  [
    "gives one outcome too many",
    (socket, reply) => socket.end(withBody('{"outcomes":[{"status":404},{"status":404}]}\n', reply)),
  ],
  [
    "gives the outcome of another operation",
    (socket, reply) => socket.end(withBody('{"outcomes":[{"status":204}]}\n', reply)),
  ],
  ["gives a code that nobody knows", (socket, reply) => socket.end(withBody('{"outcomes":[{"code":"ODD"}]}\n', reply))],
  [
    "announces a value that does not come",
    (socket, reply) => socket.end(withBody('{"outcomes":[{"status":412,"valueBytes":99}]}\n', reply)),
  ],
  ["answers with a redirect", (socket) => socket.end("HTTP/1.1 307 Away\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")],
  ["answers 500", (socket) => socket.end("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops")],
];

it.each(faults)("loses only the answers of a storage node that %s", async (_, fault) => {
  line.fault = fault;
  expect(await write("unknown")).toBe("OUTCOME_UNKNOWN");
  expect(await read("kept")).toBe("SHARD_UNAVAILABLE");
  line.fault = null;
  await eventually(async () => {
    expect([await read("kept"), await write("after"), await read("after")]).toEqual(["Entry", "PutSuccess", "Entry"]);
  });
});

it("repeats a read whose kept connection closes at the worst moment, and reports a write's outcome as unknown", async () => {
  const once: LineFault = (socket) => {
    line.fault = null;
    socket.destroy();
  };
  for (const expected of ["Entry", "OUTCOME_UNKNOWN"]) {
    // An earlier request leaves a kept connection behind.
    expect(await read("kept")).toBe("Entry");
    line.fault = once;
    const before = line.batches;
    expect(expected === "Entry" ? await read("kept") : await write("unknown")).toBe(expected);
    expect(line.batches - before).toBe(expected === "Entry" ? 2 : 1);
  }
});

it.each([
  ["that nobody asked for", '[{"key":"other","valueBytes":1}]', false],
  ["in the wrong order", '[{"key":"kept2","valueBytes":1},{"key":"kept","valueBytes":1}]', false],
  ["twice", '[{"key":"kept","valueBytes":1},{"key":"kept","valueBytes":1}]', false],
  ["that never come", "[]", true],
])("leaves a shard out of a scan when its answer has keys %s", async (_, entries, hasMore) => {
  const values = "1".repeat(entries.split("valueBytes").length - 1);
  line.fault = (socket, reply) => {
    const page = `{"status":200,"entries":${entries},"hasMore":${hasMore}}`;
    socket.end(withBody(`{"outcomes":[${[page, page, page, page].join(",")}]}\n${values.repeat(4)}`, reply));
  };
  const query = '{ scan(prefix: "kept") { edges { node { key } } unavailableShards { number } } }';
  const { scan } = await graphqlData<{ scan: { edges: unknown[]; unavailableShards: unknown[] } }>(
    cluster.origin,
    query,
  );
  expect([scan.edges, scan.unavailableShards.length]).toEqual([[], 4]);
  line.fault = null;
  await eventually(async () => {
    expect(await graphqlData(cluster.origin, query)).toEqual({
      scan: { edges: [{ node: { key: "kept" } }], unavailableShards: [] },
    });
  });
});
