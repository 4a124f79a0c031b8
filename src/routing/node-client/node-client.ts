/**
 * The gateway's view of one storage node. Implementations: UndiciNodeClient (HTTP, with the fall-back for plain nodes)
 * and MemoryNodeClient (tests, with fault injection); both pass test/conformance/node-client.ts.
 */
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import type { HostedShard, NodeAssignments } from "../../wire/membership.js";

export interface NodeCallOptions {
  /** The whole call is given up after this time, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: StopSignal;
  /** Names the call in the storage node's log. */
  readonly requestId?: string;
  /** Continues a trace there. */
  readonly traceparent?: string;
}

/** Who answers: a storage node with the whole contract, or one that has only the three plain routes. */
export type NodeKind = "full" | "plain";

/** What a storage node says of itself when it is probed. */
export interface NodeSign {
  readonly kind: NodeKind;
  /** The name it gives itself; null: it gives none, as plain nodes. Another one's name: that one has taken the address. */
  readonly name: string | null;
  /** The cluster whose data it keeps; null: none yet, or a plain node, which knows none. */
  readonly clusterId: string | null;
  /** False while it waits for a gateway to acknowledge its start, and without a gateway. Plain nodes need none. */
  readonly isAcknowledged: boolean;
}

/** The sign of a server without our protocol. */
export const plainSign: NodeSign = { kind: "plain", name: null, clusterId: null, isAcknowledged: true };

/** What the client of a storage node has to know of the cluster map, read at each call. */
export interface MapFacts {
  /** Named in every request, as is the storage node; one of another cluster refuses them. */
  readonly clusterId: () => string;
  /**
   * Whether the node may have the plain routes only. False once it has registered a store: what else answers at its URL
   * must not be asked, since its "not found" would be believed.
   */
  readonly mayBePlain: () => boolean;
}

export interface NodeClient {
  /** One outcome per operation, in order. Rejects with a NodeFault when the node gave no usable answer at all. */
  execute(operations: readonly RoutedOperation[], options: NodeCallOptions): Promise<readonly Outcome[]>;

  /** Resolves when the node answered anything over HTTP; learns its kind on the way. Rejects with a NodeFault. */
  probe(options: NodeCallOptions): Promise<NodeSign>;

  /** Hosted shards with their figures; null from a plain node. Rejects with a NodeFault. */
  shards(options: NodeCallOptions): Promise<readonly HostedShard[] | null>;

  /** The name of the engine it keeps its entries with; null from a plain node. Rejects with a NodeFault. */
  engine(options: NodeCallOptions): Promise<string | null>;

  /** Tells the node its shards and epochs; does nothing for a plain node. Rejects with a NodeFault. */
  assign(assignments: NodeAssignments, options: NodeCallOptions): Promise<void>;

  /** Waits for nothing: calls in flight are rejected. */
  close(): Promise<void>;
}

/** What went wrong on the way to a storage node and back. */
export type NodeFaultReason =
  | "addressRefused"
  | "connectionRefused"
  | "connectTimeout"
  | "connectionReset"
  | "timeout"
  | "serverError"
  /** It said that it is stopping, and did nothing. */
  | "draining"
  | "redirect"
  | "malformedAnswer"
  | "gateway"
  | "answerTooLarge"
  /** Much of the answer came, but not all of it in time. */
  | "slowAnswer"
  /** A plain node answered that it could not carry out this one request. */
  | "requestFailed"
  /** The gateway itself has no socket, port or memory for a connection. */
  | "noConnection"
  | "gatewayBug"
  | "aborted";

/**
 * No usable answer came back. Internal to routing: what a client sees is decided per operation from `isUnsent`.
 * The message is a clause that begins with the storage node: "storage node node2 (http://…) refused the connection".
 */
export class NodeFault extends Error {
  readonly reason: NodeFaultReason;
  /** True only when the node provably executed nothing: no byte of the request reached it, or it said so. */
  readonly isUnsent: boolean;

  constructor(reason: NodeFaultReason, message: string, isUnsent: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "NodeFault";
    this.reason = reason;
    this.isUnsent = isUnsent;
  }
}

/** A plain storage node answered no operation of a batch, but what that means differs from one to the other. */
export class PlainNodeFault extends NodeFault {
  /** One refusal per operation, in order. */
  readonly outcomes: readonly Outcome[];

  constructor(fault: NodeFault, outcomes: readonly Outcome[]) {
    super(fault.reason, fault.message, false, fault);
    this.outcomes = outcomes;
  }
}
