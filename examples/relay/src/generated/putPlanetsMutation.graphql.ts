/**
 * @generated SignedSource<<05cb7320fb31e8dadf672caa96f3cca9>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import type { ConcreteRequest } from 'relay-runtime';
export type PutInput = {
  condition?: WriteCondition | null | undefined;
  expiry?: Expiry | null | undefined;
  key: string;
  value: unknown;
};
export type Expiry = {
  at?: never;
  ttlSeconds: number;
} | {
  at: string;
  ttlSeconds?: never;
};
export type WriteCondition = {
  ifAbsent?: never;
  ifPresent?: never;
  ifVersion: string;
} | {
  ifAbsent: boolean;
  ifPresent?: never;
  ifVersion?: never;
} | {
  ifAbsent?: never;
  ifPresent: boolean;
  ifVersion?: never;
};
export type putPlanetsMutation$variables = {
  items: ReadonlyArray<PutInput>;
};
export type putPlanetsMutation$data = {
  readonly putMany: ReadonlyArray<{
    readonly __typename: string;
    readonly message?: string;
  }> | null | undefined;
};
export type putPlanetsMutation = {
  response: putPlanetsMutation$data;
  variables: putPlanetsMutation$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "items"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "items",
        "variableName": "items"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "putMany",
    "plural": true,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "message",
            "storageKey": null
          }
        ],
        "type": "Problem",
        "abstractKey": "__isProblem"
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "putPlanetsMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "putPlanetsMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "0d38bad416351ba6ce24cff0dfce7656",
    "id": null,
    "metadata": {},
    "name": "putPlanetsMutation",
    "operationKind": "mutation",
    "text": "mutation putPlanetsMutation(\n  $items: [PutInput!]!\n) {\n  putMany(items: $items) {\n    __typename\n    ... on Problem {\n      __isProblem: __typename\n      message\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "bf8132593ed248a842d5cc1a06016495";

export default node;
