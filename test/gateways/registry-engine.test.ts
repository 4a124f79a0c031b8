/** The servers of a shared registry, as scenarios hurt them. */
import { expect, it } from "vitest";
import { hasPostgres, PostgresServer } from "../support/postgres.js";

it.skipIf(!hasPostgres)("copies a database while this process, through which all lines go, carries bytes", async () => {
  const server = await PostgresServer.start();
  await server.stop();
  for (const copy of [() => server.keepCopy(), () => server.takeCopy()]) {
    let isCopied = false;
    const copied = copy().finally(() => (isCopied = true));
    await new Promise(setImmediate);
    expect(isCopied).toBe(false);
    await copied;
  }
  await server.restart();
  expect(await server.sql("SELECT 1")).toBe("1");
  await server.stop();
});
