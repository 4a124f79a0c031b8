/**
 * One run of a plan (GraphQL specification, section 6). It calls resolvers in the order in which GraphQL.js does, and
 * awaits their promises in the same steps, so that errors have the same order too. Resolvers get no `info`, or one with
 * only their path: no resolver of this schema needs more.
 */
import {
  GraphQLError,
  isObjectType,
  locatedError,
  type GraphQLAbstractType,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from "graphql";
import { ResultObject } from "../../values/result-text.js";
import type { PlannedField, RootSelection, Selection, Shape } from "./selection.js";
import type { Variables } from "./variable-values.js";

export interface PlanResult {
  readonly errors?: readonly GraphQLError[];
  readonly data: ResultObject | null;
}

/** The position of a value in the response. */
interface Path {
  readonly before: Path | null;
  readonly key: string | number;
}

type AbstractShape = Extract<Shape, { readonly kind: "abstract" }>;

/** A value of the response, or a promise of one. */
type Completed = unknown;

export class Execution<Context> {
  readonly #schema: GraphQLSchema;
  readonly #context: Context;
  readonly #variables: Variables;
  readonly #tellsPaths: boolean;
  readonly #errors: GraphQLError[] = [];
  /**
   * The positions that errors have set to null; errors within them are not reported. `null` stands for the whole
   * response.
   */
  #nulled: Set<Path | null> | null = null;

  constructor(schema: GraphQLSchema, context: Context, variables: Variables, tellsPaths: boolean) {
    this.#schema = schema;
    this.#context = context;
    this.#variables = variables;
    this.#tellsPaths = tellsPaths;
  }

  run(root: RootSelection): PlanResult | Promise<PlanResult> {
    try {
      const fields = root.fields(this.#variables);
      const data = root.isSerial ? this.#serially(fields) : this.#together(fields, undefined, null);
      if (!isPromise(data)) return this.#result(data);
      return data.then(
        (object) => this.#result(object),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  #result(data: ResultObject | null): PlanResult {
    return this.#errors.length === 0 ? { data } : { errors: this.#errors, data };
  }

  #failed(error: unknown): PlanResult {
    this.#report(error as GraphQLError, null);
    return this.#result(null);
  }

  /** Runs the fields of a mutation: each begins when the previous one has ended. */
  #serially(fields: readonly PlannedField[]): ResultObject | Promise<ResultObject> {
    const values: Completed[] = [];
    const object = new ResultObject(fields, values);
    const add = (value: unknown): ResultObject => {
      values.push(value);
      return object;
    };
    const step = (field: PlannedField): ResultObject | Promise<ResultObject> => {
      const value = this.#field(field, undefined, null);
      return isPromise(value) ? value.then(add) : add(value);
    };
    return fields.reduce<ResultObject | Promise<ResultObject>>((before, field) => {
      return isPromise(before) ? before.then(() => step(field)) : step(field);
    }, object);
  }

  #together(fields: readonly PlannedField[], source: unknown, path: Path | null): ResultObject | Promise<ResultObject> {
    const values: Completed[] = [];
    let hasPromise = false;
    try {
      for (const field of fields) {
        const value = this.#field(field, source, path);
        values.push(value);
        if (isPromise(value)) hasPromise = true;
      }
    } catch (error) {
      if (!hasPromise) throw error;
      // The other fields may fail too, and their promises must be awaited.
      return settledObject(fields, values).finally(() => {
        throw error;
      });
    }
    return hasPromise ? settledObject(fields, values) : new ResultObject(fields, values);
  }

  #field(field: PlannedField, source: unknown, before: Path | null): Completed {
    const path = { before, key: field.responseName };
    try {
      return this.#settled(this.#resolved(field, source, path), field, field.shape, path);
    } catch (error) {
      return this.#null(error, field, field.shape, path);
    }
  }

  /**
   * The completed `value`; null, where the type allows it, if a promise fails. Throws synchronous errors of the
   * completion.
   */
  #settled(value: unknown, field: PlannedField, shape: Shape, path: Path): Completed {
    const completed = isPromise(value)
      ? this.#completedLater(value, field, shape, path)
      : this.#complete(value, field, shape, path);
    return isPromise(completed) ? this.#nullLater(completed, field, shape, path) : completed;
  }

  // Separate functions, because V8 would otherwise allocate the closures' scope for every value, even without a
  // promise.

  #completedLater(value: Promise<unknown>, field: PlannedField, shape: Shape, path: Path): Promise<Completed> {
    return value.then((settled) => this.#complete(settled, field, shape, path));
  }

  #nullLater(completed: Promise<Completed>, field: PlannedField, shape: Shape, path: Path): Promise<Completed> {
    return completed.then(undefined, (error: unknown) => this.#null(error, field, shape, path));
  }

  #objectLater(
    name: Promise<unknown>,
    value: unknown,
    field: PlannedField,
    { type, selection }: AbstractShape,
    path: Path,
  ): Promise<Completed> {
    return name.then((settled) => this.#object(value, this.#objectType(settled, type, field), selection, path));
  }

  #resolved({ resolve, argumentsIn, name }: PlannedField, source: unknown, path: Path): unknown {
    const args = argumentsIn(this.#variables);
    if (resolve !== null) {
      const info = this.#tellsPaths ? { path: graphqlPath(path) } : undefined;
      return resolve(source, args, this.#context, info as never);
    }
    if (typeof source !== "object" || source === null) return undefined;
    const property = (source as Readonly<Record<string, unknown>>)[name];
    return typeof property === "function" ? Reflect.apply(property, source, [args, this.#context]) : property;
  }

  #complete(value: unknown, field: PlannedField, shape: Shape, path: Path): Completed {
    if (value instanceof Error) throw value;
    if (value == null) {
      if (!shape.isNonNull) return null;
      throw new Error(`Cannot return null for non-nullable field ${field.parent.name}.${field.name}.`);
    }
    switch (shape.kind) {
      case "leaf":
        return serialized(value, shape.type);
      case "list":
        return this.#list(value, field, shape.item, path);
      case "object":
        return this.#object(value, shape.type, shape.selection, path);
      case "abstract": {
        const { type, selection } = shape;
        const name = this.#typeName(value, type);
        if (isPromise(name)) return this.#objectLater(name, value, field, shape, path);
        return this.#object(value, this.#objectType(name, type, field), selection, path);
      }
    }
  }

  #list(value: unknown, field: PlannedField, shape: Shape, path: Path): Completed {
    if (!isIterable(value)) {
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${field.parent.name}.${field.name}".`);
    }
    const items: Completed[] = [];
    let hasPromise = false;
    try {
      for (const item of value) {
        const completed = this.#item(item, field, shape, { before: path, key: items.length });
        items.push(completed);
        if (isPromise(completed)) hasPromise = true;
      }
    } catch (error) {
      // The other promises must be awaited, so that a rejection among them does not count as unhandled.
      void Promise.allSettled(items);
      throw error;
    }
    return hasPromise ? Promise.all(items) : items;
  }

  #item(item: unknown, field: PlannedField, shape: Shape, path: Path): Completed {
    try {
      return this.#settled(item, field, shape, path);
    } catch (error) {
      return this.#null(error, field, shape, path);
    }
  }

  #object(
    source: unknown,
    type: GraphQLObjectType,
    selection: Selection,
    path: Path,
  ): ResultObject | Promise<ResultObject> {
    return this.#together(selection.fieldsOf(type, this.#variables), source, path);
  }

  #typeName(value: unknown, type: GraphQLAbstractType): unknown {
    if (type.resolveType != null) return type.resolveType(value, this.#context, undefined as never, type);
    return (value as { readonly __typename?: unknown }).__typename;
  }

  #objectType(name: unknown, abstract: GraphQLAbstractType, field: PlannedField): GraphQLObjectType {
    const type = typeof name === "string" ? this.#schema.getType(name) : undefined;
    if (isObjectType(type) && this.#schema.isSubType(abstract, type)) return type;
    throw new Error(
      `${field.parent.name}.${field.name} returned type ${String(name)}, which is not a ${abstract.name}.`,
    );
  }

  /** Null for the position of an error. Throws the error to the enclosing position where null is not allowed. */
  #null(cause: unknown, { nodes }: PlannedField, { isNonNull }: Shape, path: Path): null {
    const error = locatedError(cause, nodes, keysOf(path));
    if (isNonNull) throw error;
    this.#report(error, path);
    return null;
  }

  #report(error: GraphQLError, path: Path | null): void {
    const nulled = (this.#nulled ??= new Set());
    for (let at = path; at !== null; at = at.before) if (nulled.has(at)) return;
    if (nulled.has(null)) return;
    nulled.add(path);
    this.#errors.push(error);
  }
}

/** Resolves once all values are there. */
async function settledObject(fields: readonly PlannedField[], values: readonly Completed[]): Promise<ResultObject> {
  return new ResultObject(fields, await Promise.all(values));
}

function serialized(value: unknown, type: GraphQLLeafType): unknown {
  const result: unknown = type.serialize(value);
  if (result == null) throw new Error(`Type ${type.name} serialized a value to null.`);
  return result;
}

function keysOf(path: Path): readonly (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Path | null = path; at !== null; at = at.before) keys.push(at.key);
  return keys.toReversed();
}

/** The path in the form that GraphQL.js passes to resolvers. */
function graphqlPath({ before, key }: Path): GraphQLResolveInfo["path"] {
  return { prev: before === null ? undefined : graphqlPath(before), key, typename: undefined };
}

function isPromise(value: unknown): value is Promise<unknown>;
function isPromise<T>(value: T | Promise<T>): value is Promise<T>;
function isPromise(value: unknown): boolean {
  return value instanceof Promise;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}
