/**
 * Under which names the gateway answers. A web page can make the browser of whoever visits it take its own name for any
 * address (DNS rebinding), loopback above all, and then reads from there as from its own server. Only its name in the
 * `Host` header gives it away. Addresses cannot be rebound and are always taken, like `localhost` and the names below it.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { ShardgateError } from "../../core/error.js";

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
    this.#names = new Set(names.map(normal));
    this.#isOpen = isOpen;
  }

  /** Why the request is refused: BAD_REQUEST or HOST_NOT_ALLOWED; null: it is not. `host` is the target's, if it names one. */
  refusalOf(request: IncomingMessage, host: string | null): ShardgateError | null {
    const told = host ?? request.headers.host;
    if (told === undefined || told === this.#lastTaken) return null;
    const name = nameOf(told);
    if (name === null) return new ShardgateError("BAD_REQUEST", "The request's host is not a name or an address.");
    if (isHere(name) || this.#names.has(name)) {
      this.#lastTaken = told;
      return null;
    }
    const isChecked = this.#names.size > 0 || (this.#isOpen && isLoopback(request.socket.localAddress ?? ""));
    if (!isChecked) return null;
    const message = `The gateway is not called ${JSON.stringify(name)}; start it with --allow-host ${name} if it is.`;
    return new ShardgateError("HOST_NOT_ALLOWED", message);
  }
}

/** Of `name`, `name:port` or `[address]:port`; null when it is neither. IPv6 addresses come with their brackets. */
function nameOf(host: string): string | null {
  const name = /^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{0,5})?$/.exec(host)?.[1];
  return name === undefined ? null : normal(name);
}

/** Case does not matter, nor does the dot of an absolute name. */
function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function isHere(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name.startsWith("[") || isIP(name) !== 0;
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./i.test(address);
}
