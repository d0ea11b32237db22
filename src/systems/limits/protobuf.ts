import { GrpcError } from "./grpc-call.ts";

/**
 * The wire form of Protocol Buffers, as far as a few small messages need it: fields by number, read
 * and written by hand. What can not be read at all throws.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export class MalformedMessage extends GrpcError {
  constructor(message: string) {
    super("invalid_argument", message);
  }
}

/** `bytes` of what has a length, `number` of what has none. */
type Field = { field: number; number: number; bytes: Uint8Array | null };

export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 128 ** 9) throw new MalformedMessage("a bad number");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const skip = (length: number): Uint8Array => {
    const start = at;
    at += length;
    if (at > bytes.length) throw new MalformedMessage("a field ends after its message");
    return bytes.subarray(start, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (field === 0) throw new MalformedMessage("a field without a number");
    const kind = tag % 8;
    if (kind === 0) yield { field, number: varint(), bytes: null };
    else if (kind === 1) yield { field, number: 0, bytes: skip(8) && null };
    else if (kind === 2) yield { field, number: 0, bytes: skip(varint()) };
    else if (kind === 5) yield { field, number: 0, bytes: skip(4) && null };
    else throw new MalformedMessage("a field of an unknown kind");
  }
}

export function within(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) throw new MalformedMessage("a field of another kind than declared");
  return bytes;
}

/** Headers of strangers end up here, and need not be text: what is none is replaced, not refused. */
const decoder = new TextDecoder();

export function textOf(bytes: Uint8Array | null): string {
  return decoder.decode(within(bytes));
}

export function writeNumber(out: number[], field: number, value: number): void {
  if (value === 0) return;
  writeVarint(out, field * 8);
  writeVarint(out, value);
}

export function writeText(out: number[], field: number, text: string): void {
  writeBytes(out, field, Buffer.from(text));
}

export function writeBytes(out: number[], field: number, bytes: ArrayLike<number>): void {
  writeVarint(out, field * 8 + 2);
  writeVarint(out, bytes.length);
  for (let i = 0; i < bytes.length; i++) out.push(bytes[i] as number);
}

function writeVarint(out: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
}
