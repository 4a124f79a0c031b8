/** Pages through a connection and refetches one object by its id: what Relay's React hooks do, without React. */
import { fetchQuery } from "relay-runtime";
import planetLine, { type planetLine$key } from "./generated/planetLine.graphql";
import refetchLine, { type planetLineQuery } from "./generated/planetLineQuery.graphql";
import planetList, { type planetList$key } from "./generated/planetList.graphql";
import readPage, { type planetListPageQuery } from "./generated/planetListPageQuery.graphql";
import readPlanets, { type planetsQuery } from "./generated/planetsQuery.graphql";
import putPlanets, { type putPlanetsMutation } from "./generated/putPlanetsMutation.graphql";
import { environment, mutate, read } from "./environment";

async function main(): Promise<void> {
  await put("Earth", 1);
  await put("Jupiter", 79);
  await put("Mars", 2);

  const query = await fetchQuery<planetsQuery>(environment, readPlanets, {}).toPromise();
  if (!query) throw new Error("No answer.");
  print("first page", query);

  // The query that the compiler made of the fragment: its page is appended to the connection in the store.
  const after = read<planetList$key>(planetList, query).scan?.pageInfo.endCursor;
  await fetchQuery<planetListPageQuery>(environment, readPage, { first: 2, after }).toPromise();
  print("with the second page", query);

  // Somebody writes. One object is refetched by its global ID, and every place that shows it has the new value.
  await put("Jupiter", 95);
  const jupiter = read<planetList$key>(planetList, query).scan?.edges[1]?.node.id ?? "";
  await fetchQuery<planetLineQuery>(environment, refetchLine, { id: jupiter }).toPromise();
  print("with Jupiter refetched", query);
}

/** Answers with no entry, so that the store does not know of the new value. */
async function put(name: string, moons: number): Promise<void> {
  const { putMany } = await mutate<putPlanetsMutation>(putPlanets, {
    items: [{ key: `planet/${name}`, value: { moons } }],
  });
  for (const { __typename, message } of putMany ?? []) {
    if (__typename !== "PutSuccess") throw new Error(message);
  }
}

function print(title: string, query: planetList$key): void {
  const nodes =
    read<planetList$key>(planetList, query).scan?.edges.map(({ node }) => read<planetLine$key>(planetLine, node)) ?? [];
  console.log(`${title}: ${nodes.map(({ key, value }) => `${key} ${JSON.stringify(value)}`).join(", ")}`);
}

void main();
