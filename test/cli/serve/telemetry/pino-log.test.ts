/** The lines that pino writes: one JSON object each, without secrets. */
import { describe, expect, it } from "vitest";
import { parseLogLevels } from "../../../../src/cli/serve/telemetry/log-level.js";
import { createLog } from "../../../../src/cli/serve/telemetry/pino-log.js";
import { logParts, partLog, type LogPart } from "../../../../src/core/log.js";
import { RecordLog } from "../../../support/record-log.js";

function openLog(levels = "debug") {
  const lines: string[] = [];
  const log = createLog("gateway", parseLogLevels(levels), { write: (line: string) => void lines.push(line) });
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

  it("gives each part of the program the level that it was given, or else the general one, and names it", () => {
    const { log, lines } = openLog("warn,routing=debug,access=silent");
    const all = [log, ...(Object.keys(logParts) as LogPart[]).map((part) => partLog(log, part))];
    for (const each of all) each.debug({}, "Debug.");
    for (const each of all) each.error({ token: "hush" }, "Error.");
    const parts = lines.map(
      (line) => JSON.parse(line) as { level: number; part?: string; name: string; token?: string },
    );
    const general = Object.keys(logParts).filter((part) => part !== "access");
    expect(parts.map(({ level, part }) => [level, part])).toEqual([
      [20, "routing"],
      [50, undefined],
      ...general.map((part) => [50, part]),
    ]);
    for (const { name } of parts) expect(name).toBe("gateway");
    for (const { token } of parts.slice(1)) expect(token).toBe("[redacted]");
  });

  it("is one for all parts where it has none for them", () => {
    const log = new RecordLog();
    expect(partLog(log, "routing")).toBe(log);
  });
});
