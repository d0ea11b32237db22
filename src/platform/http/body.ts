import { AppError } from "../errors/errors.ts";

/**
 * Reads a JSON body that an attacker may have written: bounded bytes, bounded depth, no key that
 * reaches a prototype, no string that PostgreSQL cannot store, no number that became infinite.
 */
export const jsonDepthMax = 32;
export const jsonNodesMax = 500_000;

/** Once `deadline` is over the rest is not waited for, however steadily it drips in. */
export async function readBody(
  request: Request,
  bytesMax: number,
  deadline?: AbortSignal,
): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > bytesMax) throw tooLarge(bytesMax);
  // The server reads no more than was declared, so only what is not has to be counted here.
  if (declared > 0 && !deadline) return await request.bytes();
  if (!request.body) return new Uint8Array();
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const giveUp = () => void reader.cancel().catch(() => {});
  deadline?.addEventListener("abort", giveUp, { once: true });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.byteLength;
      if (size > bytesMax) throw tooLarge(bytesMax);
      chunks.push(next.value);
    }
  } finally {
    deadline?.removeEventListener("abort", giveUp);
    giveUp();
  }
  if (deadline?.aborted) throw new AppError("request.timeout", "The body did not come in time.");
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

export function parseJson(bytes: Uint8Array): unknown {
  return parse(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** What was read as UTF-8 already. */
export function parseJsonText(text: string): unknown {
  return parse(() => text);
}

function parse(textOf: () => string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(textOf());
  } catch (cause) {
    throw new AppError("request.malformed_json", "The body is not valid JSON in UTF-8.", { cause });
  }
  refuseHostile(value);
  return value;
}

/** Walks without recursion, because depth is what is being checked. */
function refuseHostile(root: unknown): void {
  const stack: { value: unknown; depth: number; key: string }[] = [
    { value: root, depth: 0, key: "body" },
  ];
  let nodes = 0;
  for (let item = stack.pop(); item; item = stack.pop()) {
    const { value, depth, key } = item;
    if (++nodes > jsonNodesMax) throw hostile(key, `more than ${jsonNodesMax} values`);
    if (depth > jsonDepthMax) throw hostile(key, `nested deeper than ${jsonDepthMax}`);
    if (typeof value === "string") checkText(key, value);
    else if (typeof value === "number" && !Number.isFinite(value)) {
      throw hostile(key, "a number out of range");
    } else if (Array.isArray(value)) {
      for (const child of value) stack.push({ value: child, depth: depth + 1, key });
    } else if (value !== null && typeof value === "object") {
      for (const name of Object.keys(value)) {
        if (name === "__proto__") throw hostile(name, "not a usable name");
        checkText("a field name", name);
        const child = (value as Record<string, unknown>)[name];
        stack.push({ value: child, depth: depth + 1, key: name });
      }
    }
  }
}

/** Also for text that comes by query string or form. */
export function checkText(field: string, text: string): void {
  if (text.includes("\0")) throw hostile(field, "must not contain a NUL character");
  if (!text.isWellFormed()) throw hostile(field, "has half of a surrogate pair");
}

function hostile(field: string, message: string): AppError {
  return new AppError("request.invalid", `${field.slice(0, 100)}: ${message}`, {
    fields: [{ field: field.slice(0, 100), message }],
  });
}

function tooLarge(bytesMax: number): AppError {
  return new AppError("request.too_large", `The body is larger than ${bytesMax} bytes.`);
}
