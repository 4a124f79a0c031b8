import { describe, expect, it } from "vitest";
import { CommandFailure, failureText, messageOf } from "../../../src/cli/terminal/command-failure.js";
import { ShardgateError } from "../../../src/core/error.js";

function systemError(facts: object): Error {
  return Object.assign(new Error("EXYZ: odd,\n  thing"), facts);
}

describe("failureText", () => {
  it.each([
    [new CommandFailure("line 1: no\nTo go on: …"), "line 1: no\nTo go on: …"],
    [
      new ShardgateError("REGISTRY_CORRUPT", "The file is\nbroken."),
      "The file is broken. Restore the registry file from a backup, or move it away to start with a new registry.",
    ],
    [
      new ShardgateError("STORAGE_FAILED", "Database d does not exist. Create it."),
      "Database d does not exist. Create it.",
    ],
    [
      systemError({ code: "EADDRNOTAVAIL", port: 80, address: "10.0.0.1" }),
      "Cannot listen on port 80 of 10.0.0.1: this host has no such address.",
    ],
    [systemError({ code: "EACCES", port: 80 }), "Cannot listen on port 80 of this host: permission denied."],
    [systemError({ code: "ECONNREFUSED", port: 80, address: "10.0.0.1", syscall: "connect" }), "EXYZ: odd, thing"],
    [systemError({ code: "EACCES", path: "/x" }), "Cannot use /x: permission denied."],
    [systemError({ code: "EXYZ", path: "/x" }), "Cannot use /x: EXYZ: odd, thing."],
    [systemError({ code: "EXYZ" }), "EXYZ: odd, thing"],
    ["just\ntext", "just text"],
    [Object.assign(new Error("no stack"), { stack: undefined }), "no stack"],
  ])("describes %s", (error, text) => {
    expect(failureText(error)).toBe(text);
  });

  it("finds the reasons within an error that has several", () => {
    expect(messageOf(new AggregateError([new Error("::1 refused"), new Error("127.0.0.1 refused")]))).toBe(
      "::1 refused; 127.0.0.1 refused",
    );
  });

  it("shows the stack of an unexpected error", () => {
    expect(failureText(new TypeError("x is not a function"))).toMatch(/^TypeError: x is not a function\n +at /);
    expect(failureText(systemError({ code: "ERR_ASSERTION" }))).toMatch(/\n +at /);
  });
});
