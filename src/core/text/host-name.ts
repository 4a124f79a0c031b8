/**
 * The host that a request says it is for. A web page can make the browser of whoever visits it take the page's own name
 * for any address (DNS rebinding), loopback above all, and then reads from there as from its own server; only the name in
 * the `Host` header gives it away. Addresses cannot be rebound, and neither can `localhost` and the names below it.
 */

/** Of `name`, `name:port` or `[address]:port`, normalised; null when it is neither. IPv6 addresses keep their brackets. */
export function hostNameOf(host: string): string | null {
  const name = /^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{0,5})?$/.exec(host)?.[1];
  return name === undefined ? null : normalHostName(name);
}

/** Case does not matter, nor does the dot of an absolute name. */
export function normalHostName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** Whether a page can give the normalised `name` another address. */
export function isRebindable(name: string): boolean {
  const isAddress = name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
  return !isAddress && name !== "localhost" && !name.endsWith(".localhost");
}

/** Whether `address`, as `node:net` writes it, is one at which only this machine is heard. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./i.test(address);
}
