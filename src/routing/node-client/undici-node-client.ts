/**
 * Calls a storage node over HTTP; the only file that uses undici for this. It keeps connections open, enforces
 * timeouts, cuts off long answers, and finds out whether the node has the whole contract or only the plain routes, and
 * whether it supports frames. Sockets run on real time, so the timers here are real ones too.
 */
import { buildConnector, Pool } from "undici";
import { connectTimeoutMs, plainNodeInFlightMax, mailboxInFlightMax } from "../../core/limits.js";
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import { StopSource, type StopSignal } from "../../core/tasks/stop-signal.js";
import { clusterCaller, type TlsSource } from "../../tls/tls-source.js";
import { tokenHeader } from "../../wire/cluster-token.js";
import type { HostedShard, NodeAssignments } from "../../wire/membership.js";
import { frameProtocol } from "../../wire/frame/frame.js";
import {
  batchPath,
  checkedValues,
  checkedValuesHeader,
  clusterHeader,
  nodeProtocol,
  requestIdHeader,
  targetNodeHeader,
  traceparentHeader,
} from "../../wire/paths.js";
import { AnswerCollector } from "./answer-collector.js";
import { askEngine, askHealth, askShards, executeBatch, sendAssignments } from "./full-node.js";
import { FrameConnections, type UpgradeReceiver } from "./frames/frame-connections.js";
import { afterListening } from "./listening-time.js";
import {
  NodeFault,
  plainSign,
  type NodeCallOptions,
  type NodeClient,
  type MapFacts,
  type NodeKind,
  type NodeSign,
} from "./node-client.js";
import type { RawNodeAnswer, NodeLine, NodeRequest } from "./node-exchange.js";
import type { NodeGuard } from "../../registry/address/node-guard.js";
import { PlainNode } from "./plain-node.js";
import { nodeText } from "../refusal.js";
import { UpgradeRequest } from "./frames/upgrade-request.js";

/** Most connections to one storage node: a full load of either kind, and room for probes and assignments. */
const nodeConnectionsMax = plainNodeInFlightMax + 2 * mailboxInFlightMax;

export interface UndiciNodeClientOptions {
  readonly name: string;
  /** Origin and optional base path, without a trailing slash. */
  readonly url: string;
  readonly facts: MapFacts;
  /** Checks every address before a connection to it is opened. */
  readonly guard: NodeGuard;
  /** The certificate presented to the storage node, and the CA that must have signed the node's. */
  readonly tls: TlsSource;
  /** Authenticates this gateway at the storage node; null when the node requires no token. */
  readonly token?: string | null;
}

export class UndiciNodeClient implements NodeClient {
  readonly #pool: Pool;
  readonly #basePath: string;
  /**
   * Headers of every request: the intended node, and the gateway's token. Names and values alternate: an object spread
   * from several would become a dictionary, which is far slower to create for each request.
   */
  readonly #ownHeaders: readonly string[];
  readonly #facts: MapFacts;
  readonly #line: NodeLine;
  readonly #plainNode = new PlainNode();
  readonly #frames: FrameConnections;
  /** Null while unknown, or when it must be determined again. */
  #kind: NodeKind | null = null;

  constructor(options: UndiciNodeClientOptions) {
    const { origin, pathname } = new URL(options.url);
    const token = options.token ?? null;
    // Every put that passes here has had its value checked by a gateway.
    const checked = token === null ? {} : { [checkedValuesHeader]: checkedValues };
    this.#ownHeaders = Object.entries({ [targetNodeHeader]: options.name, ...tokenHeader(token), ...checked }).flat();
    this.#facts = options.facts;
    this.#basePath = pathname.replace(/\/+$/, "");
    // `#within` bounds each call as a whole; undici's own timers cover only parts of it.
    this.#pool = new Pool(origin, {
      connections: nodeConnectionsMax,
      connect: guardedConnector(options),
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // Another process may answer on the next connection. The node of a registered store is a full one, or does not
    // support batches.
    this.#pool.on("disconnect", () => {
      if (this.#facts.mayBePlain()) this.#kind = null;
    });
    this.#frames = new FrameConnections({
      node: nodeText(options),
      clusterId: options.facts.clusterId,
      upgrade: (clusterId, receiver) => this.#upgrade(clusterId, receiver),
    });
    this.#line = { node: nodeText(options), exchange: (request, signal) => this.#exchange(request, signal) };
  }

  execute(operations: readonly RoutedOperation[], options: NodeCallOptions): Promise<readonly Outcome[]> {
    const frames = this.#frames.pick();
    if (frames !== null) return frames.execute(operations, options);
    const line = this.#lineFor(options);
    return this.#within(options, async (signal) => {
      if ((await this.#kindFor(signal)) === "full") {
        const outcomes = await executeBatch(line, operations, signal);
        if (outcomes !== null) return outcomes;
        this.#kind = this.#plain();
      }
      return this.#plainNode.execute(line, operations, signal);
    });
  }

  probe(options: NodeCallOptions): Promise<NodeSign> {
    return this.#within(options, (signal) => this.#learn(signal));
  }

  shards(options: NodeCallOptions): Promise<readonly HostedShard[] | null> {
    return this.#within(options, async (signal) =>
      (await this.#kindFor(signal)) === "full" ? askShards(this.#line, signal) : null,
    );
  }

  engine(options: NodeCallOptions): Promise<string | null> {
    return this.#within(options, (signal) => askEngine(this.#line, signal));
  }

  assign(assignments: NodeAssignments, options: NodeCallOptions): Promise<void> {
    return this.#within(options, async (signal) => {
      if ((await this.#kindFor(signal)) === "full") await sendAssignments(this.#line, assignments, signal);
    });
  }

  close(): Promise<void> {
    this.#frames.close();
    return this.#pool.destroy();
  }

  /** The line for one call, whose requests carry the call's id. */
  #lineFor({ requestId, traceparent }: NodeCallOptions): NodeLine {
    const named: string[] = [];
    if (requestId !== undefined) named.push(requestIdHeader, requestId);
    if (traceparent !== undefined) named.push(traceparentHeader, traceparent);
    return { node: this.#line.node, exchange: (request, signal) => this.#exchange(request, signal, named) };
  }

  /** The storage node's kind, determined before the actual request. If that fails, the request was not sent. */
  async #kindFor(signal: StopSignal): Promise<NodeKind> {
    if (this.#kind !== null) return this.#kind;
    try {
      const { kind } = await this.#learn(signal);
      return kind === "full" ? kind : this.#plain();
    } catch (error) {
      throw error instanceof NodeFault ? new NodeFault(error.reason, error.message, true, error) : error;
    }
  }

  async #learn(signal: StopSignal): Promise<NodeSign> {
    const health = await askHealth(this.#line, signal);
    if (typeof health === "object") {
      const { hasFrames, ...sign } = health;
      this.#kind = sign.kind;
      if (hasFrames) this.#frames.offered();
      return sign;
    }
    // A server error may come from a proxy while the node starts: the node counts as plain for this call and is asked
    // again at the next one.
    if (health === "failing") return { ...plainSign, kind: this.#kind ?? "plain" };
    this.#kind = this.#facts.mayBePlain() ? "plain" : null;
    return plainSign;
  }

  /**
   * The kind of a storage node that does not speak the whole protocol. Throws when the node must not be a plain one.
   */
  #plain(): "plain" {
    if (this.#facts.mayBePlain()) return "plain";
    this.#kind = null;
    const message = `${this.#line.node} answered without ${nodeProtocol}, unlike the storage node that registered there`;
    throw new NodeFault("malformedAnswer", message, true);
  }

  /**
   * Runs `call` with a signal that aborts at the timeout, or when the caller cancels, with a NodeFault as its reason.
   */
  async #within<Result>(options: NodeCallOptions, call: (signal: StopSignal) => Promise<Result>): Promise<Result> {
    const { node } = this.#line;
    const limit = new StopSource();
    // The exchange knows whether the request was sent; the reason here assumes that it was.
    const end = (fault: NodeFault): void => limit.abort(fault);
    const onAbort = (): void =>
      end(new NodeFault("aborted", `${node} did not answer before the request was cancelled`, false));
    const stopWaiting = afterListening(options.timeoutMs, () =>
      end(new NodeFault("timeout", `${node} did not answer in time`, false)),
    );
    options.signal?.addEventListener("abort", onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
    try {
      return await call(limit);
    } finally {
      stopWaiting();
      options.signal?.removeEventListener("abort", onAbort);
    }
  }

  #exchange(request: NodeRequest, signal: StopSignal, named: readonly string[] = []): Promise<RawNodeAnswer> {
    const { method, path, body = null } = request;
    const headers = [...this.#ownHeaders, clusterHeader, this.#facts.clusterId(), ...named];
    for (const [name, value] of Object.entries(request.headers ?? {})) headers.push(name, value);
    return new Promise((resolve, reject) => {
      const collector = new AnswerCollector(this.#line.node, request.answerBytesMax, {
        onAnswer: (answer) => (stopWatching(), resolve(answer)),
        onFault: (fault) => (stopWatching(), reject(fault)),
      });
      const onAbort = (): void => collector.giveUp(signal.reason as NodeFault);
      const stopWatching = (): void => signal.removeEventListener("abort", onAbort);
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#pool.dispatch({ method, path: this.#basePath + path, headers, body }, collector);
    });
  }

  #upgrade(clusterId: string, receiver: UpgradeReceiver): (fault: NodeFault) => void {
    const request = new UpgradeRequest(this.#line.node, frameProtocol, receiver);
    const headers = [...this.#ownHeaders, clusterHeader, clusterId];
    this.#pool.dispatch({ method: "GET", path: this.#basePath + batchPath, headers, upgrade: frameProtocol }, request);
    return (fault) => request.giveUp(fault);
  }
}

/** Opens no connection to an address that the guard refuses, and so sends nothing there. */
function guardedConnector({ guard, tls, ...node }: UndiciNodeClientOptions): buildConnector.connector {
  const refusal = (problem: string): NodeFault =>
    new NodeFault("addressRefused", `${nodeText(node)} is not called: its URL ${problem}`, true);
  const lookup = guard.lookup(refusal);
  const connector = clusterCaller(tls, (options) => buildConnector({ ...options, timeout: connectTimeoutMs, lookup }));
  return (options, callback) => {
    // If the URL contains an address, no lookup takes place.
    const problem = guard.problem(options);
    if (problem === null) connector()(options, callback);
    else queueMicrotask(() => callback(refusal(problem), null));
  };
}
