/**
 * The gateway's interface to one storage node. UndiciNodeClient (HTTP, with the fall-back for plain nodes) and
 * MemoryNodeClient (tests, with fault injection) implement it; both pass test/conformance/node-client.ts.
 */
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import type { HostedShard, NodeAssignments } from "../../wire/membership.js";

export interface NodeCallOptions {
  /** The whole call ends after this time, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: StopSignal;
  /** The id of the call in the storage node's log. */
  readonly requestId?: string;
  /** Continues a trace at the storage node. */
  readonly traceparent?: string;
}

/** A storage node with the whole contract, or one with only the three plain routes. */
export type NodeKind = "full" | "plain";

/** A storage node's answer to a probe. */
export interface NodeSign {
  readonly kind: NodeKind;
  /**
   * The node's own name; null when it reveals none, as plain nodes do. If it is another node's name, that node has
   * taken over the address.
   */
  readonly name: string | null;
  /** The cluster whose data the node keeps; null: none yet, or a plain node. */
  readonly clusterId: string | null;
  /**
   * False while the node waits for a gateway to acknowledge its start, and for a node without a gateway. True for plain
   * nodes.
   */
  readonly isAcknowledged: boolean;
}

/** The sign of life of a server that does not speak the storage node protocol. */
export const plainSign: NodeSign = { kind: "plain", name: null, clusterId: null, isAcknowledged: true };

/** The facts of the cluster map that the client of a storage node needs, read at each call. */
export interface MapFacts {
  /** Named in every request, together with the storage node; a node of another cluster refuses the request. */
  readonly clusterId: () => string;
  /**
   * Whether the node may be a plain one. False once it has registered a store: another server at its URL must not be
   * asked, because its "not found" would be believed.
   */
  readonly mayBePlain: () => boolean;
}

export interface NodeClient {
  /**
   * Resolves to one outcome per operation, in order. Rejects with a NodeFault when there is no usable answer at all.
   */
  execute(operations: readonly RoutedOperation[], options: NodeCallOptions): Promise<readonly Outcome[]>;

  /** Resolves when the node answers anything over HTTP, and determines the node's kind. Rejects with a NodeFault. */
  probe(options: NodeCallOptions): Promise<NodeSign>;

  /** Hosted shards with their figures; null for a plain node. Rejects with a NodeFault. */
  shards(options: NodeCallOptions): Promise<readonly HostedShard[] | null>;

  /** The name of the node's storage engine; null for a plain node. Rejects with a NodeFault. */
  engine(options: NodeCallOptions): Promise<string | null>;

  /** Sends the node its shards and epochs; does nothing for a plain node. Rejects with a NodeFault. */
  assign(assignments: NodeAssignments, options: NodeCallOptions): Promise<void>;

  /** Rejects calls in flight instead of waiting for them. */
  close(): Promise<void>;
}

/** What failed between the gateway and a storage node. */
export type NodeFaultReason =
  | "addressRefused"
  /** Nothing listens at its address: its process has ended. */
  | "connectionRefused"
  /** No connection for another reason, which may be in the network or at the gateway. */
  | "unreachable"
  | "connectTimeout"
  | "connectionReset"
  | "timeout"
  | "serverError"
  /** The node answered that it is shutting down and executed nothing. */
  | "draining"
  | "redirect"
  | "malformedAnswer"
  | "gateway"
  | "answerTooLarge"
  /** A large part of the answer arrived, but not all of it in time. */
  | "slowAnswer"
  /** A plain node answered that it could not execute this one request. */
  | "requestFailed"
  /** The gateway itself has no socket, port or memory for a connection. */
  | "noConnection"
  | "gatewayBug"
  | "aborted";

/**
 * No usable answer arrived. Internal to routing: what a client sees is decided per operation from `isUnsent`. The
 * message is a clause whose subject is the storage node: "storage node node2 (http://…) refused the connection".
 */
export class NodeFault extends Error {
  readonly reason: NodeFaultReason;
  /** True only when the node provably executed nothing: no byte of the request reached it, or it said so itself. */
  readonly isUnsent: boolean;

  constructor(reason: NodeFaultReason, message: string, isUnsent: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "NodeFault";
    this.reason = reason;
    this.isUnsent = isUnsent;
  }
}

/** A plain storage node answered none of the operations in a batch; what that means differs between them. */
export class PlainNodeFault extends NodeFault {
  /** One refusal per operation, in order. */
  readonly outcomes: readonly Outcome[];

  constructor(fault: NodeFault, outcomes: readonly Outcome[]) {
    super(fault.reason, fault.message, false, fault);
    this.outcomes = outcomes;
  }
}
