/**
 * The name under which the gateway's pages store their token, so that signing in on one page signs in on the other. The
 * token is kept for the tab only. The name contains the gateway's path: several gateways behind one proxy share an
 * origin, and none may receive the token of another. Browsers load this file unbundled, so it has no imports.
 */

/** `pathname`: the path of a page of the gateway, such as `/sg/` or `/sg/graphql`. */
export function pageTokenName(pathname: string): string {
  return `shardgate:token:${pathname.replace(/[^/]*$/, "")}`;
}
