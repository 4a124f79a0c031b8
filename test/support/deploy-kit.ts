/** The files of deploy/ as data: which servers they start, with which arguments and variables. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { repository } from "./processes.js";

export const deployFolder = path.join(repository, "deploy");

/** A gateway or storage node as the kit starts it; every option can be an argument or a variable. */
export interface KitServer {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export function kitFile(name: string): string {
  return readFileSync(path.join(deployFolder, name), "utf8");
}

export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly networks?: unknown;
  readonly [setting: string]: unknown;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export function readCompose(): Compose {
  return parse(kitFile("compose.yaml"), { merge: true }) as Compose;
}

/** The parts of a manifest that servers are read from. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly template?: { readonly spec: PodSpec };
    readonly [setting: string]: unknown;
  };
}

export interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly image: string;
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string }[];
    readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
    readonly [setting: string]: unknown;
  }[];
  readonly [setting: string]: unknown;
}

export const manifestFiles = ["kubernetes/gateways.yaml", "kubernetes/nodes.yaml"] as const;

export function readManifests(): readonly Manifest[] {
  return manifestFiles.flatMap((file) =>
    parseAllDocuments(kitFile(file)).map((document) => {
      for (const error of document.errors) throw error;
      return document.toJS() as Manifest;
    }),
  );
}

export const unitFiles = ["systemd/shardgate-gateway.service", "systemd/shardgate-node@.service"] as const;

/** A setting of a unit that it has once, or of an environment file. */
export function settingIn(text: string, name: string): string {
  const values = [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const [value, ...others] = values;
  if (value === undefined || others.length > 0) throw new Error(`${name} is there ${values.length} times:\n${text}`);
  return value;
}

export interface Instruction {
  readonly name: string;
  /** What follows, as it stands there. */
  readonly rest: string;
}

/** The instructions of the Dockerfile by stage, from its `FROM` on. Each is one line. */
export function dockerStages(): readonly (readonly Instruction[])[] {
  const stages: Instruction[][] = [];
  for (const line of kitFile("Dockerfile").split("\n")) {
    const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === "FROM") stages.push([]);
    if (name !== "") stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/** What the one instruction of that name of the image says. */
export function imageInstruction(name: string): string {
  const found = (dockerStages().at(-1) ?? []).filter((one) => one.name === name);
  const [instruction, ...others] = found;
  if (instruction === undefined || others.length > 0) throw new Error(`The image has ${found.length} times ${name}.`);
  return instruction.rest;
}

/** The variables that the image sets. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    imageInstruction("ENV")
      .split(" ")
      .map((pair) => pair.split("=", 2)),
  );
}

export function composeServers(): readonly KitServer[] {
  return Object.entries(readCompose().services)
    .filter(([, { image }]) => image.startsWith("shardgate:"))
    .map(([name, { command = [], environment = {} }]) => ({
      name,
      args: command,
      environment: { ...imageEnvironment(), ...environment },
    }));
}

/** The gateway of a machine, and `nodes` storage nodes. */
export function unitServers(nodes: number): readonly KitServer[] {
  const [gateway, node] = unitFiles.map((file) => settingIn(kitFile(file), "ExecStart"));
  const argsOf = (start = ""): readonly string[] => {
    const [program, main, ...args] = start.split(" ");
    if (program !== "/usr/bin/node" || main?.endsWith("/dist/cli/main.js") !== true) throw new Error(start);
    return args;
  };
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  return [
    { name: "gateway1", args: argsOf(gateway), environment: variablesIn("systemd/gateway.env") },
    ...names.map((name) => ({
      name,
      args: argsOf(node).map((arg) => arg.replace("%i", name)),
      environment: variablesIn("systemd/node.env"),
    })),
  ];
}

/** One gateway, and each storage node, with the names that Kubernetes gives them. */
export function manifestServers(): readonly KitServer[] {
  return readManifests().flatMap(({ kind, metadata, spec }) => {
    const container = spec.template?.spec.containers[0];
    if (container === undefined) return [];
    const pods = kind === "StatefulSet" ? (spec.replicas ?? 0) : 1;
    return Array.from({ length: pods }, (_, index) => {
      const name = kind === "StatefulSet" ? `${metadata.name}-${index}` : metadata.name;
      const values: Readonly<Record<string, string>> = { POD_NAME: name, POD_IP: "10.0.0.1" };
      const args = container.args.map((arg) =>
        arg.replace(/\$\((\w+)\)/g, (_text, variable: string) => {
          if (!container.env.some((one) => one.name === variable)) throw new Error(`${name} has no ${variable}.`);
          return values[variable] ?? "";
        }),
      );
      return { name, args, environment: imageEnvironment() };
    });
  });
}

function variablesIn(file: string): Readonly<Record<string, string>> {
  const lines = kitFile(file).matchAll(/^(\w+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name = "", value = ""]) => [name, value]));
}
