/**
 * The calls of a soak's clients, and what they may be answered: success, an expected problem, or no answer because the
 * client itself gave up. Everything else is a complaint, and the caller is told nothing.
 */
import { Agent, fetch, type Headers, type RequestInit } from "undici";
import { errorRules, type ErrorCode } from "../../src/core/error.js";

/** How often each answer came, and what should not have come at all. */
export class Answers {
  readonly counts = new Map<string, number>();
  readonly complaints: string[] = [];

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  complain(text: string): void {
    // A fault that repeats itself says no more the hundredth time.
    if (this.complaints.length < 100) this.complaints.push(text);
  }
}

/** Problems that faults and competitors may cause, and hostile requests deserve. */
const expectedCodes: ReadonlySet<ErrorCode> = new Set([
  "SHARD_UNAVAILABLE",
  "OVERLOADED",
  "OUTCOME_UNKNOWN",
  "VERSION_CONFLICT",
  "KEY_NOT_FOUND",
]);

/** Far beyond the gateway's own deadline: it always answers. */
const answerTimeoutMs = 60_000;

export interface Answered<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** Null when there is none, or when it is no JSON. */
  readonly body: Body | null;
}

export class GatewayCalls {
  readonly #origin: string;
  readonly #answers: Answers;
  readonly #connections = new Agent();

  constructor(origin: string, answers: Answers) {
    this.#origin = origin;
    this.#answers = answers;
  }

  /** The data of a document, null without one. Fields that failed are null. */
  async graphql<Data>(name: string, query: string, variables: object): Promise<Data | null> {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    };
    const answered = await this.#call<{ data?: Data | null; errors?: readonly { extensions?: { code?: string } }[] }>(
      name,
      "/graphql",
      init,
    );
    for (const { extensions } of answered?.body?.errors ?? []) this.#judge(name, extensions?.code ?? "no code");
    return answered?.body?.data ?? null;
  }

  /** One entry over REST; null when no answer came. */
  rest<Body>(
    name: string,
    method: string,
    key: string,
    init: RequestInit = {},
    query = "",
  ): Promise<Answered<Body> | null> {
    return this.#call(name, `/data/${encodeURIComponent(key)}${query}`, { ...init, method });
  }

  /** Sends and goes away after a moment, whatever comes. */
  async aborted(name: string, query: string, variables: object, afterMs: number): Promise<void> {
    const body = JSON.stringify({ query, variables });
    const signal = AbortSignal.timeout(afterMs);
    const init = { method: "POST", headers: { "content-type": "application/json" }, body, signal };
    try {
      await (await this.#fetch("/graphql", init)).text();
      this.#answers.count(`${name} answered`);
    } catch {
      this.#answers.count(`${name} aborted`);
    }
  }

  /** Closes the connections, so that the gateway has none that nobody uses. */
  close(): Promise<void> {
    return this.#connections.destroy();
  }

  #fetch(path: string, init: RequestInit) {
    return fetch(this.#origin + path, { ...init, dispatcher: this.#connections });
  }

  async #call<Body>(name: string, path: string, init: RequestInit): Promise<Answered<Body> | null> {
    try {
      const response = await this.#fetch(path, { ...init, signal: AbortSignal.timeout(answerTimeoutMs) });
      const text = await response.text();
      const { status, headers } = response;
      const body = (text === "" ? null : JSON.parse(text)) as (Body & { readonly code?: string }) | null;
      if (response.ok) this.#answers.count(`${name} ${status}`);
      else this.#judge(name, body?.code ?? String(status));
      return { status, headers, body };
    } catch (error) {
      // The gateway is never hurt in a soak: it answers everything, whatever happens behind it.
      this.#answers.complain(
        `${name}: no answer (${String(error)}, ${error instanceof Error ? String(error.cause) : ""})`,
      );
      return null;
    }
  }

  #judge(name: string, code: string): void {
    this.#answers.count(`${name} ${code}`);
    if (!expectedCodes.has(code as ErrorCode)) this.#answers.complain(`${name}: answered ${code}`);
  }
}

/** The same for answers as raw bytes, of hostile requests: anything but a fault of the server. */
export function judgeHostile(answers: Answers, name: string, summary: string): void {
  answers.count(`hostile ${summary}`);
  const [status = "", code = ""] = summary.split(" ");
  // A request refused for its Host header would test nothing else.
  const isKnown = code === "" || (Object.hasOwn(errorRules, code) && code !== "HOST_NOT_ALLOWED");
  if (status.startsWith("5") || !isKnown) answers.complain(`hostile ${name}: answered ${summary}`);
}
