import { expect, test } from "bun:test";
import { sdkFrames, sdkFramesFile } from "../../bin/sdk-frames.ts";

test("the frames' types are those of the schemas (else run bin/sdk-frames.ts)", async () => {
  const current = await Bun.file(sdkFramesFile).text();
  expect(current === (await sdkFrames())).toBe(true);
});
