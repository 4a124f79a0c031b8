/** GraphQL Yoga as its documentation starts it, with one DataLoader per request. */
import http from "node:http";
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";
import { connectBackend, resolversWith, typeDefs } from "./backend.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const backend = await connectBackend(gatewayOrigin);
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: resolversWith(backend, ({ loader }) => loader) }),
  context: () => ({ loader: new DataLoader((keys) => Promise.all(keys.map(backend.get))) }),
  logging: false,
});
http.createServer(yoga).listen(Number(port), "127.0.0.1");
