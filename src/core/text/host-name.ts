/**
 * The host that a request names in its `Host` header. A web page can point its own host name at any address (DNS
 * rebinding), above all loopback; the visitor's browser then lets the page read from there as from its own server. Only
 * the name in the `Host` header reveals this. Addresses cannot be rebound, nor can `localhost` and the names below it.
 */

/**
 * The normalised host of `name`, `name:port` or `[address]:port`; null for any other text. IPv6 addresses keep their
 * brackets.
 */
export function hostNameOf(host: string): string | null {
  const name = /^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{0,5})?$/.exec(host)?.[1];
  return name === undefined ? null : normalHostName(name);
}

/** In lower case, without the final dot of an absolute name. */
export function normalHostName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** Whether a page could point the normalised `name` at another address. */
export function isRebindable(name: string): boolean {
  const isAddress = name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
  return !isAddress && name !== "localhost" && !name.endsWith(".localhost");
}

/** Whether `address`, in the form of `node:net`, is a loopback address. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./i.test(address);
}
