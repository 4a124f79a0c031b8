/** docs/reference/rest.md: the routes of a gateway, from the OpenAPI document that it serves. */
import { startTestGateway } from "../../gateway/test-gateway.js";
import { table, type Regions } from "./page.js";

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

interface Route {
  readonly name: string;
  readonly operation: Operation;
}

export async function restRegions(): Promise<Regions> {
  const routes = await readRoutes();
  const common = commonAnswers(routes);
  return {
    routes: routes.map((route) => describeRoute(route, common)).join("\n\n"),
    common: table(["status", "meaning"], common),
  };
}

async function readRoutes(): Promise<readonly Route[]> {
  const gateway = await startTestGateway();
  try {
    const answer = await fetch(`${gateway.url}/openapi.json`);
    const { paths } = (await answer.json()) as { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
    );
  } finally {
    await gateway.close();
  }
}

function answersOf({ operation }: Route): readonly (readonly [status: string, meaning: string])[] {
  return Object.entries(operation.responses).map(([status, { description }]) => [status, description] as const);
}

/** What more than half of the routes answer in the same words. */
function commonAnswers(routes: readonly Route[]): readonly (readonly [string, string])[] {
  const counts = new Map<string, number>();
  for (const answer of routes.flatMap(answersOf)) {
    counts.set(JSON.stringify(answer), (counts.get(JSON.stringify(answer)) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > routes.length / 2)
    .map(([answer]) => JSON.parse(answer) as readonly [string, string])
    .toSorted(([a], [b]) => Number(a) - Number(b));
}

function describeRoute(route: Route, common: readonly (readonly [string, string])[]): string {
  const { summary, description = "", parameters = [] } = route.operation;
  const known = new Set(common.map((answer) => JSON.stringify(answer)));
  const answers = answersOf(route).filter((answer) => !known.has(JSON.stringify(answer)));
  return [
    `### ${route.name}`,
    `${/[.?!]$/.test(summary) ? summary : `${summary}.`} ${description}`.trim(),
    parameters.length === 0
      ? ""
      : table(
          ["parameter", "in", "meaning"],
          parameters.map((each) => [`\`${each.name}\``, each.in, each.description ?? ""]),
        ),
    table(["status", "meaning"], answers),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
