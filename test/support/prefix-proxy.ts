/**
 * A reverse proxy that serves one gateway under a path prefix, as `location /sg/` of nginx does: it takes the prefix off, and
 * answers 404 to everything beside it, so that a page that leaves its prefix is found out.
 */
import { createServer, request as requestTo, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PrefixProxy {
  readonly origin: string;
  close(): void;
}

/** `prefix` without a slash at its end. A request for the prefix alone reaches the gateway's `/`. */
export async function startPrefixProxy(prefix: string, gatewayOrigin: string): Promise<PrefixProxy> {
  const server = createServer((request, response) => {
    const target = behindPrefix(prefix, request.url ?? "");
    if (target === null) response.writeHead(404).end("not of the gateway");
    else pass(request, response, new URL(target, gatewayOrigin));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function behindPrefix(prefix: string, url: string): string | null {
  const rest = url.startsWith(prefix) ? url.slice(prefix.length) : null;
  if (rest?.startsWith("/") === true) return rest;
  return rest === "" || rest?.startsWith("?") === true ? `/${rest}` : null;
}

function pass(request: IncomingMessage, response: ServerResponse, target: URL): void {
  const passed = requestTo(target, { method: request.method, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  request.pipe(passed);
}
