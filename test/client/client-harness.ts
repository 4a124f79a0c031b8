/**
 * A client on the real GraphQL handler over a router in memory. A `fetch` in between records requests and injects
 * faults. Pauses end at once and are recorded; deadlines pass when the test decides.
 */
import { createClient, type Client, type ClientOptions } from "../../src/client/index.js";
import type { PersistedDocuments } from "../../src/gateway/graphql/request/persisted-documents.js";
import type { MemoryRouter } from "../gateway/graphql/memory-router.js";
import { GraphqlServer } from "../gateway/graphql/graphql-server.js";

export interface SentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly query?: string;
    readonly documentId?: string;
    readonly variables: Readonly<Record<string, never>>;
  };
  readonly bodyText: string;
  readonly redirect: string | undefined;
  readonly signal: AbortSignal;
}

/** The handling of one request; `proceed` sends it. */
export type Fault = (proceed: () => Promise<Response>, request: SentRequest) => Promise<Response>;

export class ClientHarness {
  readonly requests: SentRequest[] = [];
  /** One is used for each request; further requests are sent normally. */
  readonly faults: Fault[] = [];
  /** Pauses of the client's retries, in milliseconds. */
  readonly pauses: number[] = [];
  /** Called when a pause begins. */
  onPause: () => void = () => {};
  readonly #server: GraphqlServer;
  readonly #deadlines = new Set<() => void>();

  static async start(persistedDocuments: PersistedDocuments | null = null): Promise<ClientHarness> {
    const server = await GraphqlServer.start({ persistedDocuments });
    await server.addNode("node1");
    return new ClientHarness(server);
  }

  private constructor(server: GraphqlServer) {
    this.#server = server;
  }

  get router(): MemoryRouter {
    return this.#server.router;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Number of timers of running calls. */
  get pendingDeadlines(): number {
    return this.#deadlines.size;
  }

  client(options: Partial<ClientOptions> = {}): Client {
    return createClient(this.options(options));
  }

  options(options: Partial<ClientOptions> = {}): ClientOptions {
    return {
      endpoint: this.url,
      fetch: (input, init) => this.#fetch(String(input), init ?? {}),
      random: () => 0.5,
      after: (delayMs, callback) => this.#after(delayMs, callback),
      timeoutMs: deadlineMs,
      ...options,
    };
  }

  /** Lets the timeout of every running call pass. */
  passDeadlines(): void {
    for (const callback of this.#deadlines) callback();
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const bodyText = String(init.body);
    const request: SentRequest = {
      url,
      headers: init.headers as Record<string, string>,
      body: JSON.parse(bodyText) as SentRequest["body"],
      bodyText,
      redirect: init.redirect,
      signal: init.signal as AbortSignal,
    };
    this.requests.push(request);
    const proceed = () => fetch(url, init);
    const fault = this.faults.shift() ?? proceed;
    return fault(proceed, request);
  }

  #after(delayMs: number, callback: () => void): () => void {
    if (delayMs === deadlineMs) {
      this.#deadlines.add(callback);
      return () => this.#deadlines.delete(callback);
    }
    this.pauses.push(delayMs);
    this.onPause();
    let isCancelled = false;
    queueMicrotask(() => isCancelled || callback());
    return () => (isCancelled = true);
  }
}

/** A number that distinguishes deadlines from pauses. */
const deadlineMs = 15_001;

/** All entries of a scan. */
export async function allOf<T>(scan: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of scan) items.push(item);
  return items;
}

/** Refuses the connection. */
export const refuseConnection: Fault = () => Promise.reject(new TypeError("fetch failed"));

/** The request is executed, and its answer is lost. */
export const loseAnswer: Fault = async (proceed) => {
  await (await proceed()).text();
  throw new TypeError("fetch failed");
};

/** There is no answer until the request is aborted. */
export const hang: Fault = (_proceed, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

/** There is no answer, even if the signal is aborted. */
export const hangForever: Fault = () => new Promise(() => {});

/** An answer that is not the gateway's. */
export function answer(status: number, body: unknown): Fault {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return () => Promise.resolve(new Response(text, { status }));
}

/** The real answer, modified. */
export function change(edit: (body: { data: { result: never } }) => unknown): Fault {
  return async (proceed) => {
    const response = await proceed();
    const body = (await response.json()) as { data: { result: never } };
    return new Response(JSON.stringify(edit(body) ?? body), { status: response.status });
  };
}
