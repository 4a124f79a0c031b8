/**
 * @generated SignedSource<<126f0c92dd6dcf1eff4719ce6e838f58>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import type { ConcreteRequest } from 'relay-runtime';
import type { FragmentRefs } from "relay-runtime";
export type planetsQuery$variables = Record<PropertyKey, never>;
export type planetsQuery$data = {
  readonly " $fragmentSpreads": FragmentRefs<"planetList">;
};
export type planetsQuery = {
  response: planetsQuery$data;
  variables: planetsQuery$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "kind": "Literal",
    "name": "first",
    "value": 2
  },
  {
    "kind": "Literal",
    "name": "prefix",
    "value": "planet/"
  }
];
return {
  "fragment": {
    "argumentDefinitions": [],
    "kind": "Fragment",
    "metadata": null,
    "name": "planetsQuery",
    "selections": [
      {
        "args": null,
        "kind": "FragmentSpread",
        "name": "planetList"
      }
    ],
    "type": "Query",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [],
    "kind": "Operation",
    "name": "planetsQuery",
    "selections": [
      {
        "alias": null,
        "args": (v0/*:: as any*/),
        "concreteType": "EntryConnection",
        "kind": "LinkedField",
        "name": "scan",
        "plural": false,
        "selections": [
          {
            "alias": null,
            "args": null,
            "concreteType": "EntryEdge",
            "kind": "LinkedField",
            "name": "edges",
            "plural": true,
            "selections": [
              {
                "alias": null,
                "args": null,
                "concreteType": "Entry",
                "kind": "LinkedField",
                "name": "node",
                "plural": false,
                "selections": [
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "id",
                    "storageKey": null
                  },
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "key",
                    "storageKey": null
                  },
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "value",
                    "storageKey": null
                  },
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "__typename",
                    "storageKey": null
                  }
                ],
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "cursor",
                "storageKey": null
              }
            ],
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "concreteType": "PageInfo",
            "kind": "LinkedField",
            "name": "pageInfo",
            "plural": false,
            "selections": [
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "hasNextPage",
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "endCursor",
                "storageKey": null
              }
            ],
            "storageKey": null
          }
        ],
        "storageKey": "scan(first:2,prefix:\"planet/\")"
      },
      {
        "alias": null,
        "args": (v0/*:: as any*/),
        "filters": [
          "prefix"
        ],
        "handle": "connection",
        "key": "planetList_scan",
        "kind": "LinkedHandle",
        "name": "scan"
      }
    ]
  },
  "params": {
    "cacheID": "9d4b5f7455ae7bdd8d9ffaa5c7e2848e",
    "id": null,
    "metadata": {},
    "name": "planetsQuery",
    "operationKind": "query",
    "text": "query planetsQuery {\n  ...planetList\n}\n\nfragment planetLine on Entry {\n  key\n  value\n  id\n}\n\nfragment planetList on Query {\n  scan(prefix: \"planet/\", first: 2) {\n    edges {\n      node {\n        id\n        ...planetLine\n        __typename\n      }\n      cursor\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "f00527baeaa0c00036bfcb15a4347d07";

export default node;
