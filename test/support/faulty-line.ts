/**
 * A line between a gateway and a storage node that breaks as a test tells it to. Everything passes but `POST /batch`, whose
 * answer a fault may spoil: the storage node has executed it, and the gateway cannot know.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface NodeReply {
  readonly head: string;
  readonly body: Buffer;
}

/** Spoils the answer `reply` by what it writes on the socket. */
export type LineFault = (socket: Socket, reply: NodeReply) => void;

export interface FaultyLine {
  readonly url: string;
  /** Null: the line works. Called anew for every batch. */
  fault: LineFault | null;
  /** Batches that arrived, and so were executed. */
  readonly batches: number;
  close(): Promise<void>;
}

export async function startFaultyLine(nodeUrl: string): Promise<FaultyLine> {
  let fault: LineFault | null = null;
  let batches = 0;
  const server = createServer((incoming, response) => {
    pass(incoming, response).catch(() => response.destroy());
  });
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url = "/", headers } = incoming;
    const { status, type, body } = await forward(nodeUrl + url, { method, headers, body: await bodyOf(incoming) });
    if (url === "/batch") batches++;
    if (url !== "/batch" || fault === null) {
      response.writeHead(status, { "content-type": type, "content-length": body.length }).end(body);
      return;
    }
    const head = `HTTP/1.1 ${status} OK\r\ncontent-type: ${type}\r\n`;
    if (response.socket !== null) fault(response.socket, { head, body });
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
    },
    get batches() {
      return batches;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Forwarded {
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function forward(url: string, { method, headers, body }: Forwarded) {
  return new Promise<{ readonly status: number; readonly type: string; readonly body: Buffer }>((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (answer) => {
      bodyOf(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 0, type: answer.headers["content-type"] ?? "", body: bytes }),
        reject,
      );
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
