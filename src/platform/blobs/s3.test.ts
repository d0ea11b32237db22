import { describe, expect, test } from "bun:test";
import type { Blobs } from "./blobs.ts";
import { everything, freshStores, open, random, read, refusal, s3, type } from "./blobs.fixture.ts";

freshStores();

describe("in S3", () => {
  const put = (blobs: Blobs, bytes = 10) =>
    blobs.put("k", random(bytes), { bytesMax: bytes, type });

  test("a wrong secret is told as an outage", async () => {
    const blobs = await open(s3.urlWith("wrong"));
    expect(await refusal(blobs.head("k"))).toBe("blobs.unavailable");
    s3.store.seen.length = 0;
    expect(await refusal(blobs.remove("k"))).toBe("blobs.unavailable");
    // Asking again would change nothing.
    expect(s3.store.seen).toHaveLength(1);
    expect(await refusal(put(blobs))).toBe("blobs.unavailable");
    expect(everything()).toEqual([]);
  });

  test("keys have the prefix of the URL", async () => {
    await put(await open(s3.url));
    expect([...s3.store.objects.keys()]).toEqual(["in/here/k"]);
  });

  test("the bucket may be a label of the host", async () => {
    const blobs = await open(`${s3.url}&path_style=false`);
    await put(blobs);
    expect(await blobs.head("k")).toMatchObject({ bytes: 10 });
    expect(s3.store.seen.at(-1)).toBe("HEAD /in/here/k");
  });

  test("a store that fails once is asked again", async () => {
    const blobs = await open(s3.url);
    const bytes = random(10);
    await blobs.put("k", bytes, { bytesMax: 10, type });
    for (const ask of [() => read(blobs, "k"), () => blobs.head("k"), () => blobs.remove("k")]) {
      s3.store.fault = "fail_once";
      await ask();
      expect(s3.store.fault).toBeNull();
    }
    expect(everything()).toEqual([]);
  });

  test.each(["hang", "slow_down"] as const)("a store that is ill (%s) is told so", async (ill) => {
    const blobs = await open(s3.url, { blobS3CallMsMax: 30, blobPutMsMax: 60 });
    s3.store.fault = ill;
    expect(await refusal(blobs.head("k"))).toBe("blobs.unavailable");
    expect(await refusal(blobs.get("k"))).toBe("blobs.unavailable");
    expect(await refusal(blobs.remove("k"))).toBe("blobs.unavailable");
    expect(await refusal(put(blobs))).toBe("blobs.unavailable");
  });

  test("a store that is full says so, and nothing stays", async () => {
    const blobs = await open(s3.url);
    s3.store.fault = "quota";
    expect(await refusal(put(blobs))).toBe("server.storage_full");
    expect(await refusal(put(blobs, 20_000_000))).toBe("server.storage_full");
    expect(everything()).toEqual([]);
    // Bun gives the parts up in the background.
    const deadline = performance.now() + 20_000;
    while (s3.store.parts.size > 0 && performance.now() < deadline) await Bun.sleep(5);
    expect(s3.store.parts.size).toBe(0);
  });

  test("what was not stored as it was sent is not acknowledged, and goes", async () => {
    const blobs = await open(s3.url);
    s3.store.fault = "forget_part";
    expect(await refusal(put(blobs, 20_000_000))).toBe("blobs.unavailable");
    expect(everything()).toEqual([]);
    s3.store.fault = "error_in_200";
    expect(await refusal(put(blobs, 20_000_000))).toBe("blobs.unavailable");
    expect(everything()).toEqual([]);
  });

  test("an object that shrinks while it is read breaks the stream", async () => {
    const blobs = await open(s3.url);
    await put(blobs, 3_000_000);
    const found = await blobs.get("k");
    const reader = found?.body.getReader();
    await reader?.read();
    const object = s3.store.objects.get("in/here/k");
    if (object) object.bytes = object.bytes.slice(0, 2_000_000);
    expect(await refusal((async () => void (await reader?.read(), await reader?.read()))())).toBe(
      "blobs.unavailable",
    );
  });
});
