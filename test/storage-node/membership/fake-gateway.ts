/** The two routes of a gateway that an agent calls, with answers that the test decides. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";

export interface GatewayCall {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}

/** "hang" never answers. */
export type GatewayAnswer = { readonly status: number; readonly body: string } | "hang";

export class FakeGateway {
  readonly calls: GatewayCall[] = [];
  answer: (call: GatewayCall) => GatewayAnswer;
  #server: Server | null = null;
  #port = 0;

  constructor(answer: (call: GatewayCall) => GatewayAnswer) {
    this.answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens on a free port, and on the same one at every later start. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as GatewayCall["body"];
        const { authorization } = request.headers;
        const call = { path: `${request.method} ${request.url}`, body, authorization };
        this.calls.push(call);
        const answer = this.answer(call);
        if (answer !== "hang")
          response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
      });
    }).listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
