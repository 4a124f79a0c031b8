/**
 * Checks under which host names the gateway answers: see core/text/host-name.ts. Names that cannot be rebound are
 * always accepted.
 */
import type { IncomingMessage } from "node:http";
import { ShardgateError } from "../../core/error.js";
import { hostNameOf, isLoopbackAddress, isRebindable, normalHostName } from "../../core/text/host-name.js";

export class HostCheck {
  readonly #names: ReadonlySet<string>;
  /** Clients mostly use one name. */
  #lastTaken: string | null = null;
  readonly #isOpen: boolean;
  readonly #ownName: string | null;

  /**
   * With `names`, every connection is checked. Without, only those over loopback when no credentials are needed
   * (`isOpen`); in all other cases a page would need a token, which it does not have. `ownName` is always accepted.
   */
  constructor(names: readonly string[], isOpen: boolean, ownName?: string) {
    this.#names = new Set(names.map(normalHostName));
    this.#isOpen = isOpen;
    this.#ownName = ownName === undefined ? null : normalHostName(ownName);
  }

  /**
   * BAD_REQUEST or HOST_NOT_ALLOWED when the request is refused, else null. `host`: the host in the request target, if
   * it has one.
   */
  refusalOf(request: IncomingMessage, host: string | null): ShardgateError | null {
    const told = host ?? request.headers.host;
    if (told === undefined || told === this.#lastTaken) return null;
    const name = hostNameOf(told);
    if (name === null)
      return new ShardgateError("BAD_REQUEST", "The request's host is neither a host name nor an IP address.");
    if (!isRebindable(name) || this.#names.has(name) || name === this.#ownName) {
      this.#lastTaken = told;
      return null;
    }
    const isChecked = this.#names.size > 0 || (this.#isOpen && isLoopbackAddress(request.socket.localAddress ?? ""));
    if (!isChecked) return null;
    const message = `The gateway does not allow the host name ${JSON.stringify(name)}. To allow it, start the gateway with --allow-host ${name}.`;
    return new ShardgateError("HOST_NOT_ALLOWED", message);
  }
}
