/**
 * The audits of GraphQL over HTTP, by the authors of the specification, against a real gateway: with each set of
 * settings in use, and through both ways of execution.
 */
import { serverAudits, type Audit } from "graphql-http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "../../test-gateway.js";

interface AuditedSettings {
  readonly options: TestGatewayOptions;
  /** By the requirement level with which the audit's name begins. */
  readonly mustPass: readonly ("MUST" | "SHOULD" | "MAY")[];
  /** Ids of audits that require what these settings refuse on purpose. */
  readonly except?: readonly string[];
}

const settings: Readonly<Record<string, AuditedSettings>> = {
  development: { options: { isPlaygroundEnabled: true }, mustPass: ["MUST", "SHOULD", "MAY"] },
  production: {
    options: { documentRules: { isIntrospectionEnabled: false, areSuggestionsShown: false } },
    mustPass: ["MUST"],
    // Its document is an introspection: `query Type($name: String!) { __type(name: $name) { name } }`.
    except: ["28B9"],
  },
};

let gateway: TestGateway | null = null;
// The audits are listed before the gateway runs, and read its URL when they run.
const audits: readonly Audit[] = serverAudits({ url: () => `${gateway?.url}/graphql`, fetchFn: fetch });

it("has all audits of earlier versions", () => expect(audits).toHaveLength(61));

for (const [name, { options, mustPass, except = [] }] of Object.entries(settings)) {
  describe.each([false, true])(`${name} settings, all by Yoga and GraphQL.js: %s`, (isOracle) => {
    beforeAll(async () => {
      gateway = await startTestGateway({ ...options, isOracle });
      await gateway.register("node1");
    });
    afterAll(() => gateway?.close());

    const binding = audits.filter(({ name: title }) => mustPass.some((level) => title.startsWith(level)));
    it.each(binding.filter(({ id }) => !except.includes(id)))("$id: $name", async (audit) => {
      const result = await audit.fn();
      expect(result.status === "ok" ? "ok" : `${result.status}: ${result.reason}`).toBe("ok");
    });
  });
}
