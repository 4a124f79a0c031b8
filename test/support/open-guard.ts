/** A guard for storage nodes at loopback addresses, which need no resolver. */
import { NodeGuard } from "../../src/registry/address/node-guard.js";
import { FakeClock } from "./fake-clock.js";

export const openGuard = new NodeGuard({
  allowList: null,
  isHttpsOnly: false,
  resolve: (host) => Promise.reject(new Error(`The tests resolve no names, not even ${host}.`)),
  clock: new FakeClock(),
});
