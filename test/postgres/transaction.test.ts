/** A transaction over a model of a server, whose line can end at every point. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PostgresFailure } from "../../src/postgres/postgres-failure.js";
import { runTransaction, type TransactionLine, type TransactionWork } from "../../src/postgres/transaction.js";
import { settle } from "../support/fake-clock.js";
import { ModelServer } from "./model-server.js";

describe("runTransaction", () => {
  it("sends BEGIN and the first reads together, and the writes with COMMIT", async () => {
    const server = new ModelServer();
    const done = runTransaction(server, "write", async (query) => {
      const [, rows] = await Promise.all([query("SELECT lock"), query("SELECT keys")]);
      void query("write 1");
      void query("write 2");
      return rows;
    });
    expect(server.sent).toEqual(["BEGIN", "SELECT lock", "SELECT keys"]);
    for (let each = 0; each < 3; each++) server.execute();
    await settle();
    expect(server.sent.slice(3)).toEqual(["write 1", "write 2", "COMMIT"]);
    await answerAll(server);
    expect(await done).toEqual([{ text: "SELECT keys" }]);
    expect(server.committed).toEqual(["write 1", "write 2"]);
  });

  it("sends nothing that may write before BEGIN was answered, and keeps the order", async () => {
    const server = new ModelServer();
    const done = runTransaction(server, "write", async (query) => {
      void query("SELECT 1");
      void query("write 1");
      void query("SELECT 2");
    });
    await settle();
    expect(server.sent).toEqual(["BEGIN", "SELECT 1"]);
    server.execute();
    await settle();
    expect(server.sent).toEqual(["BEGIN", "SELECT 1", "write 1", "SELECT 2", "COMMIT"]);
    await answerAll(server);
    await done;
  });

  it("sends everything of a snapshot together with its BEGIN", async () => {
    const server = new ModelServer();
    const done = runTransaction(server, "snapshot", async (query) => query("WITH a AS (SELECT 1) SELECT * FROM a"));
    expect(server.sent).toEqual([
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
      "WITH a AS (SELECT 1) SELECT * FROM a",
    ]);
    await answerAll(server);
    await done;
  });

  it("writes nothing when BEGIN was refused", async () => {
    const server = new ModelServer(["BEGIN"]);
    const done = runTransaction(server, "write", async (query) => {
      void query("SELECT 1");
      void query("write 1");
    });
    const failed = expect(done).rejects.toMatchObject({ message: "refused: BEGIN", outcome: "nothing" });
    await answerAll(server);
    await failed;
    expect(server.committed).toEqual([]);
    expect(server.sent).not.toContain("write 1");
  });

  it("fails when BEGIN was refused, though COMMIT had left already and was answered", async () => {
    const server = new ModelServer(["BEGIN"]);
    const done = runTransaction(server, "write", async (query) => void query("SELECT 1"));
    const failed = expect(done).rejects.toMatchObject({ message: "refused: BEGIN", outcome: "nothing" });
    await settle();
    expect(server.sent).toEqual(["BEGIN", "SELECT 1", "COMMIT"]);
    await answerAll(server);
    await failed;
  });

  it("reports the first failure, whichever statement its caller waits for", async () => {
    const server = new ModelServer(["write 1"]);
    const done = runTransaction(server, "write", async (query) => {
      await query("SELECT 1");
      void query("write 1");
      await query("write 2");
    });
    const failed = expect(done).rejects.toMatchObject({ message: "refused: write 1", sqlState: "23505" });
    await answerAll(server);
    await failed;
    expect(server.sent.at(-1)).toBe("ROLLBACK");
    expect(server.committed).toEqual([]);
  });

  it("fails when a statement failed whose failure its work ignored", async () => {
    const server = new ModelServer(["write 1"]);
    const done = runTransaction(server, "write", async (query) => {
      await query("SELECT 1");
      await query("write 1").catch(() => []);
      await query("write 2").catch(() => []);
    });
    const failed = expect(done).rejects.toMatchObject({ message: "refused: write 1" });
    await answerAll(server);
    await failed;
  });

  it("fails with nothing written when COMMIT is refused", async () => {
    const server = new ModelServer(["COMMIT"]);
    const done = runTransaction(server, "write", async (query) => query("write 1"));
    const failed = expect(done).rejects.toMatchObject({ outcome: "nothing", sqlState: "23505" });
    await answerAll(server);
    await failed;
    expect(server.committed).toEqual([]);
  });

  it("passes on what its work throws, after it rolled back", async () => {
    const server = new ModelServer();
    const reason = new TypeError("the work's own");
    const done = runTransaction(server, "write", async (query) => {
      await query("write 1");
      throw reason;
    });
    const failed = expect(done).rejects.toBe(reason);
    await answerAll(server);
    await failed;
    expect(server.sent.at(-1)).toBe("ROLLBACK");
    expect(server.committed).toEqual([]);
  });

  it("rejects at once when the line ends, though its work waits for something else", async () => {
    const server = new ModelServer();
    const done = runTransaction(server, "write", () => new Promise(() => {}));
    server.end();
    await expect(done).rejects.toMatchObject({ outcome: "nothing" });
  });

  it.each(["SELECT 1", "COMMIT"])("passes on what its line throws by mistake, with %s", async (text) => {
    const server = new ModelServer();
    const mistake = new TypeError("not the server's");
    const faulty: TransactionLine = {
      send: async (sent) => (sent === text ? Promise.reject(mistake) : server.send(sent)),
      onEnd: (listener) => server.onEnd(listener),
    };
    const failed = expect(runTransaction(faulty, "write", (query) => query("SELECT 1"))).rejects.toBe(mistake);
    await answerAll(server);
    await failed;
    expect(server.committed).toEqual([]);
  });

  it("refuses statements after its end", async () => {
    const server = new ModelServer();
    let late: Promise<unknown> = Promise.resolve();
    const done = runTransaction(server, "write", async (query) => {
      setImmediate(() => {
        late = query("write late");
      });
    });
    await answerAll(server);
    await done;
    await expect(late).rejects.toThrow("over before this statement: write late");
    expect(server.committed).toEqual([]);
  });

  it("leaves no listener behind on its line", async () => {
    const server = new ModelServer();
    const done = runTransaction(server, "write", async (query) => query("SELECT 1"));
    await answerAll(server);
    await done;
    expect(server.listeners).toBe(0);
  });
});

describe("a transaction whose line ends anywhere", () => {
  const step = fc.record({
    kind: fc.constantFrom("SELECT", "write"),
    isAwaited: fc.boolean(),
  });
  const course = fc.record({
    steps: fc.array(step, { maxLength: 6 }),
    refused: fc.option(fc.constantFrom("BEGIN", "COMMIT", "0", "1", "2", "3"), { nil: null }),
    throwsAtEnd: fc.boolean(),
    // How many statements the server executes, how many of them it answers, and in how many turns.
    executed: fc.nat({ max: 9 }),
    unanswered: fc.nat({ max: 9 }),
  });

  it("says that nothing was written only where nothing was, and fails otherwise only when COMMIT was sent", async () => {
    await fc.assert(
      fc.asyncProperty(course, async ({ steps, refused, throwsAtEnd, executed, unanswered }) => {
        const texts = steps.map(({ kind }, index) => `${kind} ${index}`);
        const server = new ModelServer(refused === null ? [] : [texts[Number(refused)] ?? refused]);
        const work: TransactionWork<void> = async (query) => {
          for (const [index, { isAwaited }] of steps.entries()) {
            const answer = query(texts[index] ?? "");
            if (isAwaited) await answer;
          }
          if (throwsAtEnd) throw new TypeError("the work's own");
        };
        const done = runTransaction(server, "write", work).then(
          () => null,
          (error: unknown) => error,
        );
        for (let each = 0; each < executed; each++) {
          await settle();
          server.execute(each < executed - unanswered);
        }
        await settle();
        server.end();
        const error = await done;
        const writes = texts.filter((text) => text.startsWith("write"));
        if (error === null) expect(server.committed).toEqual(writes);
        else if (error instanceof PostgresFailure && error.outcome === "unknown") {
          expect(server.sent).toContain("COMMIT");
          expect([[], writes]).toContainEqual(server.committed);
        } else expect(server.committed).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Executes and answers everything that is sent, until nothing more comes. */
async function answerAll(server: ModelServer): Promise<void> {
  do await settle();
  while (server.execute());
}
