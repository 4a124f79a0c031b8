/** Under which names the gateway answers: see core/text/host-name.ts. Those that no page can rebind are always taken. */
import type { IncomingMessage } from "node:http";
import { ShardgateError } from "../../core/error.js";
import { hostNameOf, isLoopbackAddress, isRebindable, normalHostName } from "../../core/text/host-name.js";

export class HostCheck {
  readonly #names: ReadonlySet<string>;
  /** Clients call the gateway by one name, mostly. */
  #lastTaken: string | null = null;
  readonly #isOpen: boolean;

  /**
   * With names, every connection is checked. Without, those that come over loopback, where everybody is served (`isOpen`);
   * elsewhere a page would need a token, which it does not have.
   */
  constructor(names: readonly string[], isOpen: boolean) {
    this.#names = new Set(names.map(normalHostName));
    this.#isOpen = isOpen;
  }

  /** Why the request is refused: BAD_REQUEST or HOST_NOT_ALLOWED; null: it is not. `host` is the target's, if it names one. */
  refusalOf(request: IncomingMessage, host: string | null): ShardgateError | null {
    const told = host ?? request.headers.host;
    if (told === undefined || told === this.#lastTaken) return null;
    const name = hostNameOf(told);
    if (name === null)
      return new ShardgateError("BAD_REQUEST", "The request's host is neither a host name nor an IP address.");
    if (!isRebindable(name) || this.#names.has(name)) {
      this.#lastTaken = told;
      return null;
    }
    const isChecked = this.#names.size > 0 || (this.#isOpen && isLoopbackAddress(request.socket.localAddress ?? ""));
    if (!isChecked) return null;
    const message = `The gateway does not allow the host name ${JSON.stringify(name)}. To allow it, start the gateway with --allow-host ${name}.`;
    return new ShardgateError("HOST_NOT_ALLOWED", message);
  }
}
