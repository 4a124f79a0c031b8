/** PostGraphile's schema is what it makes of the table and the functions that peers/postgraphile.mjs creates. */
import { graphqlRequest } from "./job-text.mjs";

const documents = {
  get: "query($key:String!){entryByKey(key:$key){value}}",
  getMany: "query($keys:[String!]!){entriesByKeys(keys:$keys){nodes{value}}}",
  put: "mutation($key:String!,$value:JSON!){put(input:{key:$key,value:$value}){result{__typename}}}",
  putMany: "mutation($keys:[String!]!,$items:[JSON!]!){putMany(input:{keys:$keys,items:$items}){result{__typename}}}",
};

const answerStarts = {
  get: '{"data":{"entryByKey":{"value":',
  getMany: '{"data":{"entriesByKeys":{"nodes":[{"value":',
  put: '{"data":{"put":{"result":{"__typename":"Entry"',
  putMany: '{"data":{"putMany":{"result":[{"__typename":"Entry"',
};

function variablesText(job) {
  switch (job.kind) {
    case "get":
      return `{"key":"${job.key}"}`;
    case "getMany":
      return `{"keys":${JSON.stringify(job.keys)}}`;
    case "put":
      return `{"key":"${job.key}","value":${job.value}}`;
    case "putMany": {
      const keys = JSON.stringify(job.items.map(({ key }) => key));
      return `{"keys":${keys},"items":[${job.items.map(({ value }) => value).join(",")}]}`;
    }
  }
}

export const postgraphile = {
  requestsOf: (job, origin) => [
    graphqlRequest(origin, documents[job.kind], variablesText(job), answerStarts[job.kind]),
  ],
  resultOf: (job, [text]) => {
    const { data } = JSON.parse(text);
    if (job.kind === "get") return [data.entryByKey.value];
    return job.kind === "getMany" ? data.entriesByKeys.nodes.map(({ value }) => value) : null;
  },
};
