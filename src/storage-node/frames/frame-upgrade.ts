/**
 * Turns an HTTP connection into one of frames. The upgrade is a `GET /batch` like any other until it has passed every check
 * of an HTTP request (token, target, host, drain), so whatever is refused is refused as there, with the same problem.
 */
import { ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { receiveCheckMs, refusedRequestMs } from "../../core/limits.js";
import { frameProtocol } from "../../wire/frame/frame.js";
import { batchPath } from "../../wire/paths.js";
import type { OperationCaller } from "../operation-caller.js";
import { FrameConnection } from "./frame-connection.js";
import type { FrameService } from "./frame-request.js";
import type { OpenAnswers } from "../http/open-answers.js";

export interface UpgradedConnections {
  /** Asks all gateways to send nothing more over frames. */
  sayGoodbye(): void;
  /** Ends all connections behind what they owe, and cuts them off when that takes too long. */
  end(): void;
  /** Cuts all connections off. */
  cut(): void;
}

/** To be called when all other hooks are there. `callerOf`: who asks for the upgrade, and so for all that comes by it. */
export function offerFrames(
  app: FastifyInstance,
  service: FrameService,
  openAnswers: Pick<OpenAnswers, "endBehindAnswers">,
  callerOf: (request: FastifyRequest) => OperationCaller,
): UpgradedConnections {
  const connections = new Set<FrameConnection>();
  /** What came behind the upgrades that are being judged. */
  const asked = new Map<IncomingMessage, Buffer>();
  let isWatched = false;
  const watch = (): void => {
    isWatched = connections.size > 0;
    if (!isWatched) return;
    service.clock.after(receiveCheckMs, () => {
      const nowMs = service.clock.monotonicMs();
      for (const connection of connections) connection.check(nowMs);
      watch();
    });
  };
  const cut = (): void => connections.forEach((connection) => connection.cut());
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node has taken its own listener away.
    const ignoreErrors = (): void => {};
    socket.on("error", ignoreErrors);
    // An upgrade sent ahead of the answers to earlier requests: its own answer would come between them.
    if (openAnswers.endBehindAnswers(socket)) return void socket.resume();
    if (!isForFrames(request)) {
      socket.off("error", ignoreErrors);
      return serveWithoutUpgrade(app.server, request, { socket, head });
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.once("finish", () => request.socket.destroySoon());
    asked.set(request, head);
    response.once("close", () => asked.delete(request));
    app.routing(request, response);
  });
  app.addHook("preHandler", async (request, reply) => {
    const { raw } = request;
    const head = asked.get(raw);
    if (head === undefined) return;
    reply.hijack();
    const { socket } = raw;
    reply.raw.detachSocket(socket);
    // The request is over for those who count it.
    reply.raw.emit("close");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${frameProtocol}\r\n\r\n`);
    const connection = new FrameConnection(socket, head, callerOf(request), service);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
    if (!isWatched) watch();
  });
  return {
    sayGoodbye: () => connections.forEach((connection) => connection.sayGoodbye()),
    end() {
      for (const connection of connections) connection.end();
      const cancel = service.clock.after(refusedRequestMs, cut);
      app.server.once("close", cancel);
    },
    cut,
  };
}

function isForFrames({ method, url, headers }: IncomingMessage): boolean {
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  return method === "GET" && url === batchPath && !hasBody && headers.upgrade === frameProtocol;
}

/**
 * Other protocols are passed over, as a server may (RFC 9110, 7.8): with a listener for upgrades Node would not answer such
 * requests at all. So they are given back to it without the field that asks.
 */
function serveWithoutUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== "upgrade") lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
}
