/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** When an entry expires, by the clock of the storage node that owns its shard. The latest moment is the end of the year 9999. */
export type Expiry =
  {   /** A moment in the future by that clock; a write whose moment has passed is refused with `ExpiryPassed`. */
  at: string; ttlSeconds?: never; }
  |  { at?: never;   /** Seconds from now, at least 1. An `Int` holds up to 68 years; for later moments use `at`. */
  ttlSeconds: number; };

/** Stable codes for programs. */
export type ProblemCode =
  /** The stored entry fails its checksum. */
  | 'ENTRY_DAMAGED'
  /** By the clock of the shard's storage node, the write's expiry has already passed. */
  | 'EXPIRY_PASSED'
  /** The caller lacks the permission. */
  | 'FORBIDDEN'
  /** The key is not valid. */
  | 'INVALID_KEY'
  /** The value is not valid. */
  | 'INVALID_VALUE'
  /** No entry has the key. */
  | 'KEY_NOT_FOUND'
  /** The shard's storage node does not support the operation. */
  | 'NOT_SUPPORTED'
  /** The write may or may not have happened. */
  | 'OUTCOME_UNKNOWN'
  /** Too many operations are waiting for the shard's storage node. */
  | 'OVERLOADED'
  /** The shard's storage node could not be reached, or the shard has none. */
  | 'SHARD_UNAVAILABLE'
  /** The engine of the shard's storage node failed. */
  | 'STORAGE_FAILED'
  /** The shard's storage node has no space left. */
  | 'STORAGE_FULL'
  /** The write's condition did not hold. */
  | 'VERSION_CONFLICT';

/** One write. */
export type PutInput = {
  /** Without it the write always happens. */
  condition?: WriteCondition | null | undefined;
  /** Without it the entry never expires, even if the entry that it replaces did. */
  expiry?: Expiry | null | undefined;
  /** 1 to 1024 bytes of UTF-8. */
  key: string;
  /** Replaces the whole value. */
  value: unknown;
};

/** What must hold for a write to happen. */
export type WriteCondition =
  {   /** Must be `true`: the key does not exist. */
  ifAbsent: boolean; ifPresent?: never; ifVersion?: never; }
  |  { ifAbsent?: never;   /** Must be `true`: the key exists. */
  ifPresent: boolean; ifVersion?: never; }
  |  { ifAbsent?: never; ifPresent?: never;   /** The key has exactly this version. */
  ifVersion: string; };

export type PutCitiesMutationVariables = Exact<{
  items: Array<PutInput> | PutInput;
}>;


export type PutCitiesMutation = { putMany: Array<
    | { __typename: 'ExpiryPassed', code: ProblemCode, message: string }
    | { __typename: 'Forbidden', code: ProblemCode, message: string }
    | { __typename: 'InvalidKey', code: ProblemCode, message: string }
    | { __typename: 'InvalidValue', code: ProblemCode, message: string }
    | { __typename: 'NotSupported', code: ProblemCode, message: string }
    | { __typename: 'OutcomeUnknown', code: ProblemCode, message: string }
    | { __typename: 'PutSuccess', entry: { key: string } }
    | { __typename: 'ShardUnavailable', code: ProblemCode, message: string }
    | { __typename: 'VersionConflict', code: ProblemCode, message: string }
  > | null };

export type ReadCitiesQueryVariables = Exact<{
  keys: Array<string> | string;
}>;


export type ReadCitiesQuery = { entries: Array<
    | { __typename: 'Entry', key: string, value: unknown }
    | { __typename: 'Forbidden', code: ProblemCode, message: string }
    | { __typename: 'InvalidKey', code: ProblemCode, message: string }
    | { __typename: 'KeyNotFound', code: ProblemCode, message: string }
    | { __typename: 'ShardUnavailable', code: ProblemCode, message: string }
  > | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const PutCitiesDocument = new TypedDocumentString(`
    mutation PutCities($items: [PutInput!]!) {
  putMany(items: $items) {
    __typename
    ... on PutSuccess {
      entry {
        key
      }
    }
    ... on Problem {
      code
      message
    }
  }
}
    `, {"hash":"sha256:00ea7d64a1a7f342b160a98c6bca0ce7058e4d5a1556ac43e35e68de3800efd1"}) as unknown as TypedDocumentString<PutCitiesMutation, PutCitiesMutationVariables>;
export const ReadCitiesDocument = new TypedDocumentString(`
    query ReadCities($keys: [String!]!) {
  entries(keys: $keys) {
    __typename
    ... on Entry {
      key
      value
    }
    ... on Problem {
      code
      message
    }
  }
}
    `, {"hash":"sha256:a236c5ab071a512735d42f1c7cf6fc06d443acf573d25f8b9879d2b5ca8b14b6"}) as unknown as TypedDocumentString<ReadCitiesQuery, ReadCitiesQueryVariables>;