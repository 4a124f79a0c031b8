/**
 * Calls between two processes that trust each other, over a channel of messages: `ask` gets one answer or fails at its
 * deadline, `tell` gets none. Messages are plain data; errors keep their code, message and details. cli/ chooses the
 * channel.
 */
import type { Clock } from "../core/clock.js";
import { isErrorCode, ShardgateError } from "../core/error.js";
import type { Log } from "../core/log.js";

/** How long the primary process and its workers wait for each other: the deadline of a request. */
export const peerCallTimeoutMs = 5_000;

/** Most pending calls of one process to another: every storage node may register and send its heartbeat at once. */
export const peerCallsMax = 4_096;

/**
 * One end of a channel. Messages arrive whole and in the order in which they were sent; undeliverable ones are lost.
 */
export interface MessageLine {
  send(message: unknown): void;
  /** Called once, by the user of the channel. */
  onMessage(listener: (message: unknown) => void): void;
}

/** The functions that one side offers, by name. Bodies and results are JSON. */
export type Calls = Readonly<Record<string, (body: never) => unknown>>;

/** No answer arrived in time, or none can arrive. The call may have had its effect nevertheless. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export interface PeerParts {
  readonly line: MessageLine;
  /** The functions that this side offers. */
  readonly calls: Calls;
  readonly clock: Clock;
  readonly log: Log;
}

type Message =
  | { readonly kind: "ask"; readonly id: number; readonly name: string; readonly body: unknown }
  | { readonly kind: "tell"; readonly name: string; readonly body: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly result?: unknown; readonly refusal?: Refusal };

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Body<Call> = Call extends (body: infer Asked) => unknown ? Asked : never;
type Result<Call> = Call extends (body: never) => infer Answered ? Awaited<Answered> : never;

/** `Theirs`: the functions that the other side offers. */
export class Peer<Theirs extends Calls> {
  readonly #parts: PeerParts;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    parts.line.onMessage((message) => {
      if (isMessage(message)) this.#receive(message);
    });
  }

  /** Rejects with the other side's ShardgateError, with OVERLOADED when too many calls wait, and with NoAnswer. */
  ask<Name extends keyof Theirs & string>(
    name: Name,
    body: Body<Theirs[Name]>,
    timeoutMs = peerCallTimeoutMs,
  ): Promise<Result<Theirs[Name]>> {
    if (this.#isClosed) return Promise.reject(new NoAnswer(`The other process has ended; call ${name} was not sent.`));
    if (this.#waiting.size >= peerCallsMax) {
      return Promise.reject(
        new ShardgateError("OVERLOADED", `${peerCallsMax} calls wait for the other process already.`),
      );
    }
    const { line, clock } = this.#parts;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(new NoAnswer(`The other process did not answer ${name} within ${timeoutMs} ms.`));
      });
      const settled = <Value>(settle: (value: Value) => void) => {
        return (value: Value) => {
          cancel();
          settle(value);
        };
      };
      this.#waiting.set(id, { resolve: settled(resolve as (result: unknown) => void), reject: settled(reject) });
      line.send({ kind: "ask", id, name, body } satisfies Message);
    });
  }

  /** Calls the other side without an answer. */
  tell<Name extends keyof Theirs & string>(name: Name, body: Body<Theirs[Name]>): void {
    if (!this.#isClosed) this.#parts.line.send({ kind: "tell", name, body } satisfies Message);
  }

  /** Called when the other process is gone: rejects all waiting calls and sends nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values())
      reject(new NoAnswer("The other process ended before it answered."));
    this.#waiting.clear();
  }

  #receive(message: Message): void {
    if (message.kind === "answer") return this.#answered(message);
    const { name, body } = message;
    const answering = this.#run(name, body);
    if (message.kind === "ask")
      void answering.then((answer) => this.#send({ kind: "answer", id: message.id, ...answer }));
  }

  /** Never rejects. */
  async #run(name: string, body: unknown): Promise<{ readonly result?: unknown; readonly refusal?: Refusal }> {
    const { calls, log } = this.#parts;
    try {
      const call = calls[name] as ((body: unknown) => unknown) | undefined;
      if (call === undefined) throw new Error(`The call ${name} is not known here.`);
      return { result: await call(body) };
    } catch (error) {
      if (error instanceof ShardgateError) return { refusal: refusalOf(error) };
      log.error({ err: error, call: name }, "A call of another process failed; this is a bug, please report `err`.");
      return { refusal: refusalOf(new ShardgateError("INTERNAL_SERVER_ERROR", `The call ${name} failed.`)) };
    }
  }

  #send(message: Message): void {
    if (!this.#isClosed) this.#parts.line.send(message);
  }

  #answered({ id, result, refusal }: Extract<Message, { kind: "answer" }>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refusal === undefined) waiting?.resolve(result);
    else waiting?.reject(errorOf(refusal));
  }
}

function refusalOf({ code, message, details }: ShardgateError): Refusal {
  return { code, message, details };
}

function errorOf({ code, message, details }: Refusal): ShardgateError {
  return new ShardgateError(isErrorCode(code) ? code : "INTERNAL_SERVER_ERROR", message, details);
}

/** The channel may carry messages of others, such as Node.js itself. */
function isMessage(message: unknown): message is Message {
  if (typeof message !== "object" || message === null || !("kind" in message)) return false;
  return message.kind === "ask" || message.kind === "tell" || message.kind === "answer";
}
