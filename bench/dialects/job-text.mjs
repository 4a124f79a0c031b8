/** Parts of requests that several dialects need. Values are JSON text already and are put in as they are. */

/** A GraphQL request over HTTP; `variables` is JSON text. */
export function graphqlRequest(origin, query, variables, answerStart) {
  const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
  return { origin, method: "POST", path: "/graphql", body, answerStart };
}

/** `[{"key":…,"value":…}, …]` */
export function itemsText(items) {
  return `[${items.map(({ key, value }) => `{"key":"${key}","value":${value}}`).join(",")}]`;
}
