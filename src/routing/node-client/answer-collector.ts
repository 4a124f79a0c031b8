/**
 * Collects one HTTP answer that undici delivers in pieces, bounds its size, and records whether the request was sent at
 * all: undici calls `onRequestStart` right before it writes the first byte, so the node received nothing of a request
 * that failed earlier.
 */
import { largeAnswerBytesMin } from "../../core/limits.js";
import { NodeFault } from "./node-client.js";
import { faultOfError, type RawNodeAnswer } from "./node-exchange.js";

/** The part of undici's DispatchController that is used here. */
interface Controller {
  abort(reason: Error): void;
}

export interface AnswerReceiver {
  readonly onAnswer: (answer: RawNodeAnswer) => void;
  readonly onFault: (fault: NodeFault) => void;
}

/**
 * A handler for undici's `dispatch`. Settles its receiver exactly once, whatever callbacks arrive in whatever order.
 */
export class AnswerCollector {
  readonly #node: string;
  readonly #bytesMax: number;
  readonly #receiver: AnswerReceiver;
  readonly #chunks: Buffer[] = [];
  #controller: Controller | null = null;
  #bytes = 0;
  #status = 0;
  #mediaType = "";
  #isOver = false;

  constructor(node: string, bytesMax: number, receiver: AnswerReceiver) {
    this.#node = node;
    this.#bytesMax = bytesMax;
    this.#receiver = receiver;
  }

  onRequestStart(controller: Controller): void {
    // The request was cancelled while it waited for a connection. If it is aborted here, undici writes nothing of it.
    if (this.#isOver) return controller.abort(new Error("The request was cancelled before it was sent."));
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Controller,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // Informational answers (1xx) come first and are replaced by the final one.
    this.#status = status;
    const [mediaType = ""] = String(headers["content-type"] ?? "").split(";");
    this.#mediaType = mediaType.trim().toLowerCase();
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#bytesMax) {
      this.#chunks.push(chunk);
      return;
    }
    const message = `${this.#node} gave an answer longer than ${this.#bytesMax} bytes`;
    this.giveUp(new NodeFault("answerTooLarge", message, false));
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.onAnswer({ status: this.#status, mediaType: this.#mediaType, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    this.#fail(faultOfError(error, this.#node, this.#controller !== null));
  }

  /** Ends the exchange now with `fault`. Anything not written yet never will be. */
  giveUp(fault: NodeFault): void {
    this.#fail(this.#told(fault));
    this.#controller?.abort(fault);
  }

  /** `fault` with what is known here about the progress of the exchange. */
  #told(fault: NodeFault): NodeFault {
    if (this.#controller === null) return new NodeFault(fault.reason, fault.message, true);
    if (fault.reason !== "timeout" || this.#bytes < largeAnswerBytesMin) return fault;
    return new NodeFault("slowAnswer", `${fault.message}; ${this.#bytes} bytes of its answer arrived`, false);
  }

  #fail(fault: NodeFault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.onFault(fault);
  }
}
