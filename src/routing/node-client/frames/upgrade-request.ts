/** A handler for undici's `dispatch` of an upgrade request. Yields a connection, or the reason why there is none. */
import type { Duplex } from "node:stream";
import type { UpgradeReceiver } from "./frame-connections.js";
import { NodeFault } from "../node-client.js";
import { faultOfError } from "../node-exchange.js";

/** The part of undici's DispatchController that is used here. */
interface Controller {
  abort(reason: Error): void;
}

export class UpgradeRequest {
  readonly #node: string;
  readonly #protocol: string;
  readonly #receiver: UpgradeReceiver;
  #controller: Controller | null = null;
  #givenUp: NodeFault | null = null;
  #isOver = false;

  constructor(node: string, protocol: string, receiver: UpgradeReceiver) {
    this.#node = node;
    this.#protocol = protocol;
    this.#receiver = receiver;
  }

  /** Cancels the upgrade unless it has finished. */
  giveUp(fault: NodeFault): void {
    this.#givenUp = fault;
    this.#fail(fault);
    this.#controller?.abort(fault);
  }

  onRequestStart(controller: Controller): void {
    if (this.#givenUp !== null) controller.abort(this.#givenUp);
    else this.#controller = controller;
  }

  onRequestUpgrade(
    _controller: Controller,
    _status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    socket: Duplex,
  ): void {
    if (!this.#isOver && headers["upgrade"] === this.#protocol) {
      this.#isOver = true;
      this.#receiver.onSocket(socket);
      return;
    }
    socket.on("error", () => {});
    socket.destroy();
    this.#fail(new NodeFault("malformedAnswer", `${this.#node} switched to another protocol than requested`, false));
  }

  /**
   * Any other answer refuses the upgrade. Its content does not matter: the next HTTP request gets the same explanation.
   */
  onResponseStart(controller: Controller): void {
    const fault = new NodeFault("malformedAnswer", `${this.#node} did not switch protocols`, false);
    this.#fail(fault);
    controller.abort(fault);
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    this.#fail(faultOfError(error, this.#node, this.#controller !== null));
  }

  #fail(fault: NodeFault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.onFault(fault);
  }
}
