/** A storage node over real HTTP that is healthy but breaks as a test tells it to: `answer` gets all but `GET /health`. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeProtocol } from "../../src/wire/paths.js";

export interface BrokenServer {
  readonly url: string;
  /** "METHOD path" of every request. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export type BrokenAnswer = (response: ServerResponse, request: IncomingMessage) => void;

export async function startBrokenServer(answer: BrokenAnswer, health?: BrokenAnswer): Promise<BrokenServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => {
      if (request.url !== "/health") answer(response, request);
      else if (health !== undefined) health(response, request);
      else response.end(JSON.stringify({ protocol: nodeProtocol }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The URL of a port at which nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = await startBrokenServer(() => {});
  await server.close();
  return server.url;
}
