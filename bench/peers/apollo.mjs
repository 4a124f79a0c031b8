/** Apollo Server, stand-alone as its documentation starts it, with one DataLoader per request. */
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import DataLoader from "dataloader";
import { connectBackend, resolversWith, typeDefs } from "./backend.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const backend = await connectBackend(gatewayOrigin);
const server = new ApolloServer({ typeDefs, resolvers: resolversWith(backend, ({ loader }) => loader) });
await startStandaloneServer(server, {
  listen: { port: Number(port), host: "127.0.0.1" },
  context: async () => ({ loader: new DataLoader((keys) => Promise.all(keys.map(backend.get))) }),
});
