/**
 * Hive Gateway's schema is what its OpenAPI loader makes of the REST facade's document: a field for each operation, so that
 * many keys are as many fields.
 */
import { graphqlRequest } from "./job-text.mjs";

const selection = "{...on JSON_container{JSON}}";
const putDocument = "mutation($key:String!,$value:JSON!){putValue(key:$key,input:$value)}";

export const hive = {
  requestsOf: (job, origin) => {
    if (job.kind === "put") {
      const start = '{"data":{"putValue":""';
      return [graphqlRequest(origin, putDocument, `{"key":"${job.key}","value":${job.value}}`, start)];
    }
    const keys = keysOf(job);
    const variables = JSON.stringify(Object.fromEntries(keys.map((key, index) => [`k${index}`, key])));
    return [graphqlRequest(origin, getDocument(keys.length), variables, '{"data":{"k0":{"JSON":')];
  },
  resultOf: (job, [text]) => {
    const { data } = JSON.parse(text);
    return job.kind === "put" ? null : keysOf(job).map((_, index) => data[`k${index}`].JSON);
  },
};

function keysOf(job) {
  return job.kind === "get" ? [job.key] : job.keys;
}

function getDocument(count) {
  const indices = Array.from({ length: count }, (_, index) => index);
  const parameters = indices.map((index) => `$k${index}:String!`).join(",");
  return `query(${parameters}){${indices.map((index) => `k${index}:getValue(key:$k${index})${selection}`).join(" ")}}`;
}
