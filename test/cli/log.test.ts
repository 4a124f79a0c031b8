/** The lines that pino writes: one JSON object each, without secrets. */
import { describe, expect, it } from "vitest";
import { createLog } from "../../src/cli/log.js";

function openLog(level: Parameters<typeof createLog>[1] = "debug") {
  const lines: string[] = [];
  const log = createLog("gateway", level, { write: (line: string) => void lines.push(line) });
  return { log, lines };
}

describe("the log", () => {
  it("names its process, the time, the level and the facts, one object a line", () => {
    const { log, lines } = openLog();
    log.warn({ node: "node1" }, "It is silent.");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: 40,
      name: "gateway",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      node: "node1",
      msg: "It is silent.",
    });
  });

  it("has the whole chain of causes of an error", () => {
    const { log, lines } = openLog();
    const root = new Error("connect ECONNREFUSED");
    log.error({ err: new Error("node1 refused the connection", { cause: root }) }, "A batch failed.");
    expect(lines[0]).toContain("node1 refused the connection: connect ECONNREFUSED");
  });

  it.each(["authorization", "proxy-authorization", "cookie", "set-cookie", "token", "password", "secret"])(
    "keeps %s out, wherever a line may have it",
    (name) => {
      const { log, lines } = openLog();
      const request = { headers: { [name]: "hush", accept: "*/*" } };
      log.info({ [name]: "hush" }, "By itself.");
      log.info(request, "In headers.");
      log.info({ request }, "In a request.");
      log.error({ err: Object.assign(new Error("no"), request, { [name]: "hush" }) }, "In an error.");
      expect(lines).toHaveLength(4);
      for (const line of lines) {
        expect(line).not.toContain("hush");
        expect(line).toContain("[redacted]");
      }
      expect(lines[1]).toContain('"accept":"*/*"');
    },
  );

  it("writes nothing below its level", () => {
    const { log, lines } = openLog("warn");
    log.debug({}, "Unheard.");
    log.info({}, "Unheard.");
    expect(lines).toEqual([]);
  });
});
