/** Finds where a text stops being JSON (RFC 8259). The messages of JSON.parse vary, and some give no position. */
import { textFault } from "./text-fault.js";

/** Why `text` is not JSON, as a phrase that follows "is not JSON: "; for a text that JSON.parse has refused. */
export function jsonFault(text: string): string {
  return textFault(text, jsonFaultAt(text) ?? text.length);
}

/**
 * Index of the first character that is not allowed at its position, which may be the end of the text; null when the
 * text is JSON.
 */
export function jsonFaultAt(text: string): number | null {
  const reader = new JsonReader(text);
  while (reader.step());
  return reader.fault;
}

/** What may come next: a value, the first item or member of a container, a member's name, or what follows a value. */
type Next = "value" | "first" | "name" | "follower";

class JsonReader {
  readonly #text: string;
  /** The brackets that close the open containers, the innermost last. */
  readonly #closing: string[] = [];
  #at = 0;
  #next: Next = "value";
  fault: number | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads one token, or a name together with its colon. Returns false at the end and at a fault. */
  step(): boolean {
    this.#skip(space);
    const character = this.#text[this.#at];
    const closing = this.#closing.at(-1);
    if (character === undefined) return this.#end(this.#next === "follower" && closing === undefined);
    if (this.#next !== "value" && this.#next !== "name" && character === closing) return this.#close();
    if (this.#next === "follower") {
      if (character !== "," || closing === undefined) return this.#end(false);
      this.#next = closing === "}" ? "name" : "value";
      return this.#pass(1);
    }
    if (this.#next === "name" || (this.#next === "first" && closing === "}")) return this.#name(character);
    return this.#value(character);
  }

  #name(character: string): boolean {
    if (character !== '"' || !this.#string()) return this.#end(false);
    this.#skip(space);
    if (this.#text[this.#at] !== ":") return this.#end(false);
    this.#next = "value";
    return this.#pass(1);
  }

  #value(character: string): boolean {
    if (character === "{" || character === "[") {
      this.#closing.push(character === "{" ? "}" : "]");
      this.#next = "first";
      return this.#pass(1);
    }
    this.#next = "follower";
    if (character === '"') return this.#string() || this.#end(false);
    return this.#skip(scalar) || this.#end(false);
  }

  #close(): boolean {
    this.#closing.pop();
    this.#next = "follower";
    return this.#pass(1);
  }

  /** Reads a string from its opening quote on. Returns false at a character that a string must not contain. */
  #string(): boolean {
    this.#at++;
    for (;;) {
      this.#skip(plainCharacters);
      if (this.#text[this.#at] === '"') return this.#pass(1);
      if (!this.#skip(escape)) return false;
    }
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const isThere = pattern.test(this.#text);
    if (isThere) this.#at = pattern.lastIndex;
    return isThere;
  }

  #pass(characters: number): true {
    this.#at += characters;
    return true;
  }

  #end(isWhole: boolean): false {
    this.fault = isWhole ? null : this.#at;
    return false;
  }
}

const space = /[\t\n\r ]*/y;
const plainCharacters = /[ !#-[\]-\uffff]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** A word or number ends where no longer one would match. */
const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
