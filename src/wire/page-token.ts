/**
 * Under which name the pages of a gateway keep their token, so that whoever signs in on one is signed in on the other. It is
 * kept for the tab alone. The gateway's path is in the name: several gateways behind one proxy share their origin, and one
 * must not be sent the token of another. Browsers load this file as it is, so it imports nothing.
 */

/** `pathname` is that of a page of the gateway: `/sg/` or `/sg/graphql`. */
export function pageTokenName(pathname: string): string {
  return `shardgate:token:${pathname.replace(/[^/]*$/, "")}`;
}
