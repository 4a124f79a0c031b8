/**
 * Upgrades an HTTP connection to frames. The upgrade is handled as a `GET /batch` until it has passed every check of an
 * HTTP request (token, target, host, drain), so it is refused in the same cases with the same problem.
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
  /** Asks all gateways to send no more requests in frames. */
  sayGoodbye(): void;
  /** Ends all connections once their answers are written, and destroys those that take too long. */
  end(): void;
  /** Destroys all connections. */
  cut(): void;
}

/**
 * Call after all other hooks are registered. `callerOf`: the caller that sent the upgrade, and with it all requests on
 * the connection.
 */
export function offerFrames(
  app: FastifyInstance,
  service: FrameService,
  openAnswers: Pick<OpenAnswers, "endBehindAnswers">,
  callerOf: (request: FastifyRequest) => OperationCaller,
): UpgradedConnections {
  const connections = new Set<FrameConnection>();
  /** Upgrade requests that are being checked, each with the bytes received after it. */
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
    // Node has removed its own error listener.
    const ignoreErrors = (): void => {};
    socket.on("error", ignoreErrors);
    // The upgrade was sent before earlier requests were answered; an answer to it would be mixed up with theirs.
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
    // Marks the HTTP request as finished for those who count requests.
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
 * Ignores upgrades to other protocols, as a server may (RFC 9110, 7.8). With a listener for upgrades, Node would never
 * answer such requests, so they are passed back to Node without the `Upgrade` field.
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
