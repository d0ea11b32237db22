import { join } from "node:path";
import { z } from "zod";
import { said, taken } from "./chat-schemas.ts";
import type { Schema } from "../src/platform/http/openapi-document.ts";
import { formatted, print, shapeOf } from "./sdk-types.ts";

/**
 * Prints the SDK's types of the chat's frames from the schemas that the server checks them by.
 * Frames are no part of the OpenAPI document, so these stand in a file of their own.
 */
export const sdkFramesFile = join(import.meta.dir, "../sdk/chat/frames.ts");

/** What sdk/chat/frames.ts must hold, as `bun fmt` leaves it. */
export async function sdkFrames(): Promise<string> {
  let out = "// Made by bin/sdk-frames.ts from the schemas of the chat's frames; do not edit.\n";
  for (const [schemas, io] of [
    [said, "output"],
    [taken, "input"],
  ] as const) {
    const named = new Map<string, string>();
    for (const [name, schema] of Object.entries(schemas)) {
      const json = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Schema;
      out += `\nexport type ${name} = ${print(json, named, "", true)};\n`;
      named.set(shapeOf(json), name);
    }
  }
  return await formatted(out, sdkFramesFile);
}

if (import.meta.main) await Bun.write(sdkFramesFile, await sdkFrames());
