/** How a job is said: the same GraphQL documents to every GraphQL server, and REST to the bare proxy and to the facade. */

const documents = {
  get: "query($key:String!){get(key:$key){value}}",
  getMany: "query($keys:[String!]!){entries(keys:$keys){...on Entry{value}}}",
  put: "mutation($key:String!,$value:JSON!){put(key:$key,value:$value){__typename}}",
  putMany: "mutation($items:[PutInput!]!){putMany(items:$items){__typename}}",
  scan: "query($prefix:String!,$first:Int!){scan(prefix:$prefix,first:$first){edges{node{key value}}}}",
};

/** Values are spliced in as text, so that building requests costs as little as it can. */
function variablesText(job) {
  switch (job.kind) {
    case "get":
      return `{"key":"${job.key}"}`;
    case "getMany":
      return `{"keys":${JSON.stringify(job.keys)}}`;
    case "put":
      return `{"key":"${job.key}","value":${job.value}}`;
    case "putMany":
      return `{"items":${itemsText(job)}}`;
    case "scan":
      return `{"prefix":"${job.prefix}","first":${job.limit}}`;
  }
}

function itemsText({ items }) {
  return `[${items.map(({ key, value }) => `{"key":"${key}","value":${value}}`).join(",")}]`;
}

export const graphql = {
  requestOf: (job) => ({
    method: "POST",
    path: "/graphql",
    body: `{"query":${JSON.stringify(documents[job.kind])},"variables":${variablesText(job)}}`,
  }),
  /** What was read, for comparison; null for writes. */
  resultOf: (job, { data }) => {
    if (job.kind === "get") return [data.get.value];
    if (job.kind === "getMany") return data.entries.map(({ value }) => value);
    if (job.kind === "scan") return data.scan.edges.map(({ node }) => node);
    return null;
  },
};

function dataRequest(job) {
  const path = `/data/${encodeURIComponent(job.key)}`;
  return job.kind === "put" ? { method: "PUT", path, body: job.value } : { method: "GET", path };
}

/** The gateway's own REST facade: one entry at a time. */
export const facade = {
  requestOf: dataRequest,
  resultOf: (job, json) => (job.kind === "get" ? [json] : null),
};

export const proxy = {
  requestOf: (job) => {
    switch (job.kind) {
      case "getMany":
        return { method: "POST", path: "/many", body: `{"keys":${JSON.stringify(job.keys)}}` };
      case "putMany":
        return { method: "PUT", path: "/many", body: itemsText(job) };
      case "scan":
        return { method: "GET", path: `/page?prefix=${encodeURIComponent(job.prefix)}&limit=${job.limit}` };
      default:
        return dataRequest(job);
    }
  },
  resultOf: (job, json) => {
    if (job.kind === "get") return [json];
    if (job.kind === "scan") return json.map(({ key, value }) => ({ key, value }));
    return job.kind === "getMany" ? json : null;
  },
};
