/** Preloaded into a process under test: every host name under `.internal` is this machine, as the pages' examples call theirs. */
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";

const here = (host) => (host.endsWith(".internal") ? "127.0.0.1" : host);
const { lookup } = dns;
const lookupPromised = dns.promises.lookup;
dns.lookup = (host, ...rest) => lookup(here(host), ...rest);
dns.promises.lookup = (host, ...rest) => lookupPromised(here(host), ...rest);
syncBuiltinESMExports();
