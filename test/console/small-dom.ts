/**
 * The part of the DOM that Preact needs for rendering and tests need for inspection and clicks: components run under
 * vitest as in a browser, without one. Styles, layout and bubbling events are tested in test/browser/.
 */
import { recordingPen, type RecordingPen } from "./recording-pen.js";

type Listener = (this: SmallElement, event: object) => void;

class SmallNode {
  parentNode: SmallElement | null = null;

  get nextSibling(): SmallNode | null {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  get textContent(): string {
    return "";
  }

  remove(): void {
    const siblings = this.parentNode?.childNodes ?? [];
    if (siblings.includes(this)) siblings.splice(siblings.indexOf(this), 1);
    this.parentNode = null;
  }
}

class SmallText extends SmallNode {
  readonly nodeType = 3;
  data: string;

  constructor(data: string) {
    super();
    this.data = data;
  }

  override get textContent(): string {
    return this.data;
  }
}

export class SmallElement extends SmallNode {
  readonly nodeType = 1;
  readonly namespaceURI = "http://www.w3.org/1999/xhtml";
  readonly localName: string;
  readonly childNodes: SmallNode[] = [];
  readonly style: Record<string, string> = {};
  readonly #attributes = new Map<string, string>();
  readonly #listeners = new Map<string, Listener>();
  #pen: RecordingPen | null = null;

  constructor(localName: string) {
    super();
    this.localName = localName;
    if (["input", "select"].includes(localName)) Object.assign(this, { value: "" });
  }

  /** The focus is tested in test/browser/. */
  focus(): void {}

  get ownerDocument(): typeof document {
    return document;
  }

  get firstChild(): SmallNode | null {
    return this.childNodes[0] ?? null;
  }

  get attributes(): readonly { readonly name: string; readonly value: string }[] {
    return [...this.#attributes].map(([name, value]) => ({ name, value }));
  }

  override get textContent(): string {
    return this.childNodes.map((child) => child.textContent).join("");
  }

  insertBefore(child: SmallNode, before: SmallNode | null): SmallNode {
    child.remove();
    const index = before === null ? -1 : this.childNodes.indexOf(before);
    this.childNodes.splice(index < 0 ? this.childNodes.length : index, 0, child);
    child.parentNode = this;
    return child;
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }

  attribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  removeEventListener(type: string): void {
    this.#listeners.delete(type);
  }

  /** Calls the element's own listener; `facts` are added to the event. */
  fire(type: string, facts: object = {}): void {
    const listener = this.#listeners.get(type);
    if (listener === undefined) throw new Error(`<${this.localName}> does not listen to ${type}.`);
    listener.call(this, { type, currentTarget: this, preventDefault() {}, ...facts });
  }

  /** Enters a value, as a user types or selects it. */
  enter(value: string, type = "input"): void {
    Object.assign(this, { value, valueAsNumber: Number(value) });
    this.fire(type);
  }

  /** Null for every element but a canvas. */
  getContext(): RecordingPen | null {
    if (this.localName !== "canvas") return null;
    return (this.#pen ??= recordingPen());
  }

  /** All elements below, in the order of the document. */
  get all(): readonly SmallElement[] {
    return this.childNodes.flatMap((child) => (child instanceof SmallElement ? [child, ...child.all] : []));
  }

  /** The first element below with this name and text or attribute; throws when there is none. */
  find(localName: string, wanted: string | RegExp = /./s): SmallElement {
    const found = this.findAll(localName, wanted)[0];
    if (found === undefined) throw new Error(`There is no <${localName}> with ${wanted} in: ${this.textContent}`);
    return found;
  }

  findAll(localName: string, wanted: string | RegExp = /./s): readonly SmallElement[] {
    const isWanted = (text: string): boolean => (typeof wanted === "string" ? text === wanted : wanted.test(text));
    return this.all.filter(
      (element) =>
        element.localName === localName &&
        [element.textContent, ...element.attributes.map(({ value }) => value)].some(isWanted),
    );
  }
}

/** Replaces the browser's document while components render. */
export const document = {
  createElementNS: (_namespace: string, localName: string) => new SmallElement(localName),
  createTextNode: (data: string) => new SmallText(data),
};
