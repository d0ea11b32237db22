import { readFile } from "node:fs/promises";
import { z } from "zod";
import {
  clientFrameSchema,
  closeCodes,
  protocolVersion,
  serverFrameSchema,
} from "../src/systems/chat/protocol.ts";
import {
  attachmentSchema,
  bodySchema,
  conversationSchema,
  listedSchema,
  memberSchema,
  messageSchema,
  ownSchema,
} from "../src/systems/chat/shapes.ts";
import type { Schema } from "../src/platform/http/openapi-document.ts";
import { print, shapeOf } from "./sdk-types.ts";

/** Writes docs/chat-protocol.md and .schema.json from the schemas that frames are checked by. */
const root = new URL("../", import.meta.url);
export const protocolPage = new URL("docs/chat-protocol.md", root);
export const protocolSchemaFile = new URL("docs/chat-protocol.schema.json", root);

const shapes: Record<string, z.ZodType> = {
  Attachment: attachmentSchema,
  Body: bodySchema,
  Message: messageSchema,
  Conversation: conversationSchema,
  Member: memberSchema,
  Own: ownSchema,
  Listed: listedSchema,
};

const intro = `# The chat's protocol, version ${protocolVersion}

Frames over a WebSocket at \`/api/v1/chat/socket\`, or over an event stream at
\`/api/v1/chat/events\` with \`POST /api/v1/chat/frames\` for what the client says.
[The design](../src/systems/chat/README.md) says what they are for and what they promise;
\`sdk/chat\` is a client. As JSON Schema: [chat-protocol.schema.json](chat-protocol.schema.json).

This page is made by \`bin/docs\` from \`src/systems/chat/protocol.ts\`.
`;

/** The text that docs/chat-protocol.md must have. */
export async function protocolReference(): Promise<string> {
  const source = await readFile(new URL("src/systems/chat/protocol.ts", root), "utf8");
  const named = new Map<string, string>();
  const types: string[] = [];
  for (const [name, schema] of Object.entries(shapes)) {
    const json = jsonOf(schema, "output");
    types.push(block(`type ${name} = ${print(json, named, "", true)};`));
    named.set(shapeOf(json), name);
  }
  const [said, told] = source.split("const serverFrames = ") as [string, string];
  return [
    intro,
    `${textOf(/\/\*\*[\s\S]*?\*\//.exec(said)?.[0] ?? "")}\n`,
    "## What a client sends\n",
    ...framesOf(clientFrameSchema, { io: "input", source: said, named }),
    "## What it is told\n",
    ...framesOf(serverFrameSchema, { io: "output", source: told, named }),
    "## Why a connection is closed\n",
    `${textOf(/\/\*\* Why a socket[\s\S]*?\*\//.exec(told)?.[0] ?? "")}\n`,
    "| Code | |\n| --- | --- |",
    `${Object.entries(closeCodes)
      .map(([why, code]) => `| ${code} | \`${why}\` |`)
      .join("\n")}\n`,
    "## Shapes\n",
    ...types,
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

/** The text that docs/chat-protocol.schema.json must have. */
export function protocolSchema(): string {
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Frames of Stoa's chat, version ${protocolVersion}`,
    $defs: {
      client_frame: { ...jsonOf(clientFrameSchema, "input"), $schema: undefined },
      server_frame: { ...jsonOf(serverFrameSchema, "output"), $schema: undefined },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

type Frames = { io: "input" | "output"; source: string; named: Map<string, string> };

function framesOf(schema: z.ZodType, { io, source, named }: Frames): string[] {
  const json = jsonOf(schema, io);
  return (json.oneOf ?? json.anyOf ?? []).map((frame) => {
    const type = String(frame.properties?.["type"]?.const);
    const comment = commentOn(source, type);
    const code = block(print(frame, named, "", true));
    return `### \`${type}\`\n\n${comment && `${comment}\n\n`}${code}`;
  });
}

function jsonOf(schema: z.ZodType, io: "input" | "output"): Schema {
  return z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Schema;
}

/** The comment that stands right above a frame's schema; empty where there is none. */
function commentOn(source: string, type: string): string {
  const frame = source.search(new RegExp(`type: z\\.literal\\("${type}"\\)`));
  const before = source
    .slice(0, frame)
    .replace(/(const \w+ = )?z\.object\(\{\s*$/, "")
    .trimEnd();
  if (!before.endsWith("*/")) return "";
  return textOf(before.slice(before.lastIndexOf("/**")));
}

function textOf(comment: string): string {
  return comment
    .replace(/^\/\*\*\s?|\s*\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join("\n")
    .trim();
}

function block(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\`\n`;
}
