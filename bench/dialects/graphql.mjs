/** The same GraphQL documents to every server that has our schema, or the part of it that the jobs need. */
import { graphqlRequest, itemsText } from "./job-text.mjs";

const documents = {
  get: "query($key:String!){get(key:$key){value}}",
  getMany: "query($keys:[String!]!){entries(keys:$keys){...on Entry{value}}}",
  put: "mutation($key:String!,$value:JSON!){put(key:$key,value:$value){__typename}}",
  putMany: "mutation($items:[PutInput!]!){putMany(items:$items){__typename}}",
  scan: "query($prefix:String!,$first:Int!){scan(prefix:$prefix,first:$first){edges{node{key value}}}}",
};

const answerStarts = {
  get: '{"data":{"get":{"value":',
  getMany: '{"data":{"entries":[{"value":',
  put: '{"data":{"put":{"__typename":"PutSuccess"',
  putMany: '{"data":{"putMany":[{"__typename":"PutSuccess"',
  scan: '{"data":{"scan":{"edges":[',
};

function variablesText(job) {
  switch (job.kind) {
    case "get":
      return `{"key":"${job.key}"}`;
    case "getMany":
      return `{"keys":${JSON.stringify(job.keys)}}`;
    case "put":
      return `{"key":"${job.key}","value":${job.value}}`;
    case "putMany":
      return `{"items":${itemsText(job.items)}}`;
    case "scan":
      return `{"prefix":"${job.prefix}","first":${job.limit}}`;
  }
}

export const graphql = {
  requestsOf: (job, origin) => [
    graphqlRequest(origin, documents[job.kind], variablesText(job), answerStarts[job.kind]),
  ],
  resultOf: (job, [text]) => {
    const { data } = JSON.parse(text);
    if (job.kind === "get") return [data.get.value];
    if (job.kind === "getMany") return data.entries.map(({ value }) => value);
    return job.kind === "scan" ? data.scan.edges.map(({ node }) => node) : null;
  },
};
