/**
 * The fuzz run: sends generated requests, and holds each against what must be so for every request, whatever it is. No
 * answer is a fault, every error has a code of the closed list, nothing is logged as an error or thrown past everyone,
 * both ways of executing GraphQL give the same bytes, and the next good request is served.
 */
import * as fc from "fast-check";
import { errorRules } from "../../../src/core/error.js";
import { createExecutableSchema } from "../../../src/gateway/graphql/schema.js";
import { startFuzzCluster, type FuzzCluster } from "./fuzz-cluster.js";
import { graphqlRequestsOf, type GraphqlRequest } from "./graphql-requests.js";
import { httpCall, rawCall, type CallAnswer } from "./http-call.js";
import { damaged, goodGatewayRequests, goodNodeRequests } from "./damaged-requests.js";
import { oddRequests } from "./odd-requests.js";

export interface FuzzPlan {
  readonly seed: number;
  /** Half of them GraphQL, the others raw. */
  readonly requests: number;
}

export interface FuzzReport {
  /** What was sent, without repetitions and the good requests in between. */
  readonly requests: number;
  /** How many answers had which status; 0 stands for none, to bytes that are no request or only a part of one. */
  readonly statuses: ReadonlyMap<number, number>;
  /** GraphQL requests that had data, and the same bytes both ways. */
  readonly executedBothWays: number;
}

/** Raw requests that are sent at once, each over a connection of its own. */
const volley = 8;

/** Rejects with fast-check's report of the smallest request that breaks a rule; the seed leads there again. */
export async function runFuzz({ seed, requests }: FuzzPlan): Promise<FuzzReport> {
  const cluster = await startFuzzCluster();
  const run = new FuzzRun(cluster);
  const strays: unknown[] = [];
  const onStray = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", onStray).on("uncaughtException", onStray);
  async function check<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, send: (value: T) => Promise<void>) {
    const property = fc.asyncProperty(arbitrary, async (value) => {
      await send(value);
      if (strays.length > 0) throw new Error(`Nobody caught ${strays.splice(0).map(String).join("; ")}`);
    });
    await fc.assert(property, { seed, numRuns });
  }
  const volleys = Math.ceil(requests / 2 / 3 / volley);
  try {
    await check(graphqlRequestsOf(createExecutableSchema()), Math.ceil(requests / 2), (one) => run.graphql(one));
    await check(volleysOf(oddRequests()), volleys, (all) => run.gateway(all));
    await check(volleysOf(damaged(goodGatewayRequests)), volleys, (all) => run.gateway(all));
    await check(volleysOf(damaged(goodNodeRequests)), volleys, (all) => run.node(all));
  } finally {
    await cluster.close();
    process.off("unhandledRejection", onStray).off("uncaughtException", onStray);
  }
  return run;
}

/** As texts of one character for each byte, so that a report can be read. */
function volleysOf(one: fc.Arbitrary<Buffer>): fc.Arbitrary<readonly string[]> {
  return fc.array(
    one.map((bytes) => bytes.toString("latin1")),
    { minLength: volley, maxLength: volley },
  );
}

class FuzzRun implements FuzzReport {
  readonly statuses = new Map<number, number>();
  requests = 0;
  executedBothWays = 0;
  readonly #cluster: FuzzCluster;

  constructor(cluster: FuzzCluster) {
    this.#cluster = cluster;
  }

  async graphql(request: GraphqlRequest): Promise<void> {
    const { origin, yogaOrigin } = this.#cluster;
    this.requests++;
    if (request.isRead) await this.#comparedAnswer(request);
    else this.#check((await httpCall(origin, request)).text);
    if (!request.isRead) this.#check((await httpCall(yogaOrigin, request)).text);
    await this.#afterwards(origin, "/data/good");
  }

  gateway(requests: readonly string[]): Promise<void> {
    return this.#raw(this.#cluster.origin, requests, "/data/good");
  }

  node(requests: readonly string[]): Promise<void> {
    return this.#raw(this.#cluster.nodeOrigin, requests, null);
  }

  async #raw(origin: string, requests: readonly string[], goodPath: string | null): Promise<void> {
    this.requests += requests.length;
    const answers = await Promise.all(requests.map((bytes) => rawCall(origin, Buffer.from(bytes, "latin1"))));
    for (const [index, text] of answers.entries()) {
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
      for (const status of statuses.length === 0 ? [0] : statuses) this.#count(status);
      const failures = statuses.filter((status) => status >= 400);
      if (failures.includes(500)) throw new Error(`A fault: ${text}`);
      // An answer to HEAD has no body.
      const isCounted = !requests[index]?.includes("HEAD");
      if (isCounted && failures.length > this.#check(text)) throw new Error(`An error without a code: ${text}`);
    }
    await this.#afterwards(origin, goodPath);
  }

  /** What an expiry falls between differs once, and not again. */
  async #comparedAnswer(request: GraphqlRequest): Promise<void> {
    const { origin, yogaOrigin } = this.#cluster;
    let [direct, yoga]: (CallAnswer | null)[] = [null, null];
    for (let attempt = 0; attempt < 3; attempt++) {
      [direct, yoga] = [await httpCall(origin, request), await httpCall(yogaOrigin, request)];
      const comparable = request.isSteady ? JSON.stringify : timeless;
      if (comparable(direct) !== comparable(yoga)) continue;
      this.#count(direct.status);
      if (direct.status === 500) throw new Error(`A fault: ${direct.text}`);
      if (this.#check(direct.text) === 0 && direct.status >= 400) {
        throw new Error(`An error without a code: ${direct.status} ${direct.text}`);
      }
      if (direct.text.includes('"data":{')) this.executedBothWays++;
      return;
    }
    throw new Error(`The plan answers ${JSON.stringify(direct)}, GraphQL.js ${JSON.stringify(yoga)}.`);
  }

  /** How many codes the text has; all of them must be known, and none that of a fault. */
  #check(text: string): number {
    const codes = [...text.matchAll(/"code":"(\w+)"/g)].map(([, code = ""]) => code);
    const wrong = codes.filter((code) => !Object.hasOwn(errorRules, code) || code === "INTERNAL_SERVER_ERROR");
    if (wrong.length > 0) throw new Error(`An error with ${wrong.join(", ")}: ${text}`);
    return codes.length;
  }

  async #afterwards(origin: string, goodPath: string | null): Promise<void> {
    await this.#cluster.restore();
    const { lines } = this.#cluster.log;
    const errors = lines.filter(({ level }) => level === "error");
    lines.length = 0;
    if (errors.length > 0) throw new Error(`Logged as an error: ${errors.map(shown).join("; ")}`);
    const good =
      goodPath === null ? { method: "GET", path: "/health" } : { method: "PUT", path: goodPath, body: '"as ever"' };
    const { status, text } = await httpCall(origin, good);
    if (status !== 200 && status !== 201) throw new Error(`A good request was answered with ${status}: ${text}`);
  }

  #count(status: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }
}

/** Without moments and latencies, and the length that depends on them. */
function timeless({ status, headers: { "content-length": _length, ...headers }, text }: CallAnswer): string {
  return JSON.stringify({ status, headers, text: text.replace(/"[-\d]+T[\d:.]+Z"|\d+\.\d+(e-?\d+)?/g, "time") });
}

function shown({ message, facts }: { readonly message: string; readonly facts: Readonly<Record<string, unknown>> }) {
  const { err } = facts;
  return `${message} ${err instanceof Error ? err.stack : JSON.stringify(facts)}`;
}
