import sharp from "sharp";

/**
 * Started by thumbnails.ts: an image comes in on stdin, its size and a small picture of it go out
 * on stdout. Metadata is left out, which is where the place and the owner of a camera stand, and
 * the orientation is applied. Of an animation it is the first frame.
 */
const edgeMax = 480;
const quality = 75;

sharp.cache(false);
sharp.concurrency(1);
// Formats that are programs or documents are not even tried, whatever the bytes look like.
const decoders = ["Jpeg", "Png", "Nsgif", "Webp", "Heif"];
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: decoders.map((name) => `VipsForeignLoad${name}`) });

const image = sharp(await Bun.stdin.bytes(), {
  limitInputPixels: Number(process.argv[2]),
  sequentialRead: true,
  failOn: "error",
});
const { autoOrient } = await image.metadata();
const { data, info } = await image
  .autoOrient()
  .resize(edgeMax, edgeMax, { fit: "inside", withoutEnlargement: true })
  .webp({ quality })
  .toBuffer({ resolveWithObject: true });
await Bun.write(
  Bun.stdout,
  Buffer.concat([
    Buffer.from(`${autoOrient.width} ${autoOrient.height} ${info.width} ${info.height}\n`),
    data,
  ]),
);
