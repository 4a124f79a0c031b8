/**
 * A gateway that keeps entries in a map and supports only the requests of `import` and `export`; the test injects
 * faults.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { jsonElements, jsonMembers } from "../../src/core/text/json-text.js";
import { clientAnswerBytesMax } from "../../src/cli/calls/gateway-client.js";

export interface StoredItem {
  readonly valueText: string;
  readonly ttlText: string | null;
  readonly expiresAt: string | null;
}

interface FakeAnswer {
  readonly status?: number;
  readonly body: string;
}

/**
 * Answers instead of the gateway. Null lets it answer itself, "hang up" closes the connection without an answer, "never
 * answer" keeps it open, "too large" announces more bytes than the command line accepts.
 */
export type Interruption = (request: {
  number: number;
  body: string;
}) => FakeAnswer | "hang up" | "never answer" | "too large" | null;

interface ScanVariables {
  readonly prefix: string;
  readonly first: number;
  readonly after: string | null;
}

export class FakeGateway {
  readonly entries = new Map<string, StoredItem>();
  /** Bodies of all requests, in order of arrival. */
  readonly bodies: string[] = [];
  readonly contentTypes = new Set<string>();
  /** The `Authorization` of each request; undefined if it has none. */
  readonly authorizations: (string | undefined)[] = [];
  interrupt: Interruption = () => null;
  /** Problem of a put, by key. */
  refuse: (key: string) => { code: string; message: string; isRetryable: boolean } | null = () => null;
  unavailableShards: () => readonly number[] = () => [];
  /** The time of its storage nodes, which does not advance. */
  nodeNowMs = Date.parse("2026-01-31T12:00:00.000Z");
  inFlightMax = 0;
  readonly #server: Server;
  #inFlight = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.inFlightMax = Math.max(this.inFlightMax, ++this.#inFlight);
      this.contentTypes.add(request.headers["content-type"] ?? "");
      this.authorizations.push(request.headers.authorization);
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        this.bodies.push(body);
        const answer = this.interrupt({ number: this.bodies.length, body }) ?? { body: this.#answer(body) };
        // Answered later, so that requests that are sent together are in flight together.
        setImmediate(() => {
          this.#inFlight--;
          if (answer === "never answer") return;
          const type = { "content-type": "application/json" };
          if (answer === "hang up") request.socket.destroy();
          else if (answer === "too large")
            response.writeHead(200, { ...type, "content-length": clientAnswerBytesMax + 1 }).write(" ");
          else response.writeHead(answer.status ?? 200, type).end(answer.body);
        });
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  put(key: string, valueText: string, expiresAt: string | null = null): void {
    this.entries.set(key, { valueText, ttlText: null, expiresAt });
  }

  #answer(body: string): string {
    const { query, variables } = JSON.parse(body) as { query: string; variables: ScanVariables };
    return query.startsWith("mutation") ? this.#putMany(body) : this.#scan(variables);
  }

  #putMany(body: string): string {
    const items = inside("items", inside("variables", body) ?? "") ?? "";
    const spans = jsonElements(items, { start: 0, end: items.length }) ?? [];
    const results = spans.map(({ start, end }) => {
      const item = items.slice(start, end);
      const key = JSON.parse(inside("key", item) ?? "") as string;
      const problem = this.refuse(key);
      if (problem !== null) return { __typename: "Refused", ...problem };
      const expiry = inside("expiry", item) ?? "{}";
      const expiresAt = JSON.parse(inside("at", expiry) ?? "null") as string | null;
      if (expiresAt !== null && Date.parse(expiresAt) <= this.nodeNowMs)
        return { __typename: "ExpiryPassed", code: "EXPIRY_PASSED", message: "Passed.", isRetryable: false };
      this.entries.set(key, {
        valueText: inside("value", item) ?? "",
        ttlText: inside("ttlSeconds", expiry),
        expiresAt,
      });
      return { __typename: "PutSuccess" };
    });
    return JSON.stringify({ data: { putMany: results } });
  }

  #scan({ prefix, first, after }: ScanVariables): string {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(prefix)).toSorted();
    const rest = keys.filter((key) => after === null || key > after);
    const page = rest.slice(0, first);
    const edges = page.map((key) => {
      const { valueText, expiresAt } = this.entries.get(key) ?? { valueText: "", expiresAt: null };
      return { node: { key, valueText, expiresAt } };
    });
    const unavailableShards = this.unavailableShards().map((number) => ({ number }));
    const pageInfo = { hasNextPage: rest.length > page.length, endCursor: page.at(-1) ?? null };
    return JSON.stringify({ data: { scan: { edges, pageInfo, unavailableShards } } });
  }
}

/** The text of the member `name` of the object in `text`. */
function inside(name: string, text: string): string | null {
  const span = jsonMembers(text, { start: 0, end: text.length })?.get(name);
  return span === undefined ? null : text.slice(span.start, span.end);
}
