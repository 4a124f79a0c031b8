/**
 * Preloaded into a process under test: every host name under `.internal` is this machine, as the pages' examples call theirs; at
 * another loopback address than the usual one where the environment names one.
 */
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";

const address = process.env["INTERNAL_HOSTS_AT"] ?? "127.0.0.1";
const here = (host) => (host.endsWith(".internal") ? address : host);
const { lookup } = dns;
const lookupPromised = dns.promises.lookup;
dns.lookup = (host, ...rest) => lookup(here(host), ...rest);
dns.promises.lookup = (host, ...rest) => lookupPromised(here(host), ...rest);
syncBuiltinESMExports();
