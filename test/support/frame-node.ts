/** A storage node that speaks frames as a test tells it to: all its other answers are those of a usual one. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { vi } from "vitest";
import type { Outcome } from "../../src/core/operation.js";
import { encodeBatchAnswer } from "../../src/wire/batch/batch-body.js";
import { batchMediaType, nodeProtocol } from "../../src/wire/paths.js";
import { FramePeer, frame } from "./frame-peer.js";

export const helloFrame = (hello: Readonly<Record<string, unknown>> = {}): Buffer =>
  frame("hello", 0, JSON.stringify({ requestsMax: 8, bytesMax: 64 * 1024 * 1024, connections: 1, ...hello }));

export const answerFrame = (id: number, outcomes: readonly Outcome[]): Buffer =>
  frame("answer", id, encodeBatchAnswer(outcomes));

export interface FrameNode {
  readonly url: string;
  /** "METHOD path" of every request. */
  readonly requests: readonly string[];
  /** The connections of frames, oldest first; the messages in them are the gateway's. */
  readonly peers: readonly FramePeer[];
  readonly upgrades: readonly IncomingMessage[];
  /** The newest connection, once there is one. */
  peer(count?: number): Promise<FramePeer>;
  close(): Promise<void>;
}

/** What it writes when it is asked for frames; by default it agrees, and says hello. */
export type OnUpgrade = (socket: Duplex) => void;

export const switchProtocols = (protocol = "shardgate-batch/1"): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

export const agree: OnUpgrade = (socket) => {
  socket.write(switchProtocols());
  socket.write(helloFrame());
};

/** Every batch by HTTP is answered with "not found". */
export async function startFrameNode(onUpgrade: OnUpgrade | null = agree): Promise<FrameNode> {
  const requests: string[] = [];
  const upgrades: IncomingMessage[] = [];
  const peers: FramePeer[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => {
      if (request.url === "/health") {
        return void response.end(JSON.stringify({ protocol: nodeProtocol, capabilities: ["batch", "frames"] }));
      }
      if (request.method !== "POST") return void response.writeHead(405).end();
      response.writeHead(200, { "content-type": batchMediaType }).end(encodeBatchAnswer([{ kind: "notFound" }]));
    });
  });
  if (onUpgrade !== null) {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
      requests.push("UPGRADE");
      upgrades.push(request);
      sockets.add(socket);
      peers.push(new FramePeer(request.socket, true));
      onUpgrade(socket);
    });
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    peers,
    upgrades,
    peer: (count = 1) =>
      vi.waitFor(() => {
        const peer = peers[count - 1];
        if (peer === undefined) throw new Error(`There are ${peers.length} connections of frames, not ${count}.`);
        return peer;
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
