/** A line to a PostgreSQL server that loses requests or answers as a test says, and counts what passes. */
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import type { PostgresHost } from "../../src/postgres/postgres-access.js";

export interface PostgresLine extends PostgresHost {
  /** Port of the server that the next connection leads to. */
  target: number;
  /** What is sent still arrives; instead of its answer the connection ends. */
  cutAfterSending: boolean;
  /** What is never passed on: the connection ends instead of what contains this. */
  cutBefore: string | null;
  /** The connection ends instead of an answer that contains this: what was asked for is done by then. */
  cutAtAnswer: string | null;
  /** Connections so far. */
  readonly connections: number;
  /** How often something was sent after an answer. */
  readonly exchanges: number;
  close(): Promise<void>;
}

export async function startPostgresLine(target: number): Promise<PostgresLine> {
  const sockets = new Set<Socket>();
  let [connections, exchanges, isAnswered] = [0, 0, true];
  const relay: Server = createServer((client) => {
    connections++;
    const upstream = connect(line.target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => [client, upstream].forEach((either) => either.destroy()));
    }
    client.on("data", (chunk) => {
      if (isAnswered) exchanges++;
      isAnswered = false;
      if (contains(chunk, line.cutBefore)) client.destroy();
      else upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      isAnswered = true;
      if (line.cutAfterSending || contains(chunk, line.cutAtAnswer)) client.destroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const line: PostgresLine = {
    host: "127.0.0.1",
    port: (relay.address() as AddressInfo).port,
    target,
    cutAfterSending: false,
    cutBefore: null,
    cutAtAnswer: null,
    get connections() {
      return connections;
    },
    get exchanges() {
      return exchanges;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
  return line;
}

function contains(chunk: Buffer, text: string | null): boolean {
  return text !== null && chunk.toString("latin1").includes(text);
}
