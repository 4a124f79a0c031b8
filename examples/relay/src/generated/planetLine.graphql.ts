/**
 * @generated SignedSource<<d0d19f242efead28ce544d5792ae17b6>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import type { ReaderFragment } from 'relay-runtime';
import type { FragmentRefs } from "relay-runtime";
export type planetLine$data = {
  readonly id: string;
  readonly key: string;
  readonly value: unknown | null | undefined;
  readonly " $fragmentType": "planetLine";
};
export type planetLine$key = {
  readonly " $data"?: planetLine$data;
  readonly " $fragmentSpreads": FragmentRefs<"planetLine">;
};

import planetLineQuery_graphql from './planetLineQuery.graphql';

const node: ReaderFragment = {
  "argumentDefinitions": [],
  "kind": "Fragment",
  "metadata": {
    "refetch": {
      "connection": null,
      "fragmentPathInResult": [
        "node"
      ],
      "operation": planetLineQuery_graphql,
      "identifierInfo": {
        "identifierField": "id",
        "identifierQueryVariableName": "id"
      }
    }
  },
  "name": "planetLine",
  "selections": [
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
      "name": "id",
      "storageKey": null
    }
  ],
  "type": "Entry",
  "abstractKey": null
};

(node as any).hash = "abfbcf95bfc39bd1803d69cc14cfc49c";

export default node;
