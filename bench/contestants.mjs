/** Who serves the jobs. `process` is the name of the process whose CPU time counts; `script` is what starts it. */
import * as dialects from "./dialects.mjs";

const reads = ["get", "getMany"];
const keyed = [...reads, "put", "putMany"];

export const contestants = {
  shardgate: { process: "gateway", dialect: dialects.graphql, kinds: [...keyed, "scan"] },
  "shardgate REST": { process: "gateway", dialect: dialects.facade, kinds: ["get", "put"] },
  "bare proxy": {
    process: "bare-proxy",
    script: "peers/bare-proxy.mjs",
    dialect: dialects.proxy,
    kinds: [...keyed, "scan"],
  },
  mercurius: { process: "mercurius", script: "peers/mercurius.mjs", dialect: dialects.graphql, kinds: keyed },
  apollo: { process: "apollo", script: "peers/apollo.mjs", dialect: dialects.graphql, kinds: keyed },
  yoga: { process: "yoga", script: "peers/yoga.mjs", dialect: dialects.graphql, kinds: keyed },
};
