import { hourMs, hourShift } from "./traits.ts";

/**
 * Rows of links.clicks in PostgreSQL's binary COPY format, which costs both sides a fraction of
 * what text does. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
export const copyColumns = "at, link_id, batch_id, geo_id, client_id, source_id, traits";

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const headerBytes = signature.length + 8;
const rowBytes = 2 + 3 * (4 + 8) + 4 * (4 + 4);
const postgresEpochMs = Date.UTC(2000, 0, 1);
const wordRange = 2 ** 32;

export class CopyRows {
  rows = 0;
  private bytes: Uint8Array;
  private view: DataView;
  private at = headerBytes;

  constructor(rowsExpected: number) {
    this.bytes = new Uint8Array(headerBytes + rowsExpected * rowBytes + 2);
    this.view = new DataView(this.bytes.buffer);
    this.bytes.set(signature);
  }

  /** A click as it stands in the spool, with ids of the database. */
  add(
    words: Uint32Array,
    click: number,
    time: number,
    batchHigh: number,
    batchLow: number,
    ids: { geo: number; client: number; source: number },
  ): void {
    if (this.at + rowBytes + 2 > this.bytes.length) this.grow();
    const { view, at } = this;
    const micros = (time - postgresEpochMs) * 1000;
    const microsHigh = Math.floor(micros / wordRange);
    const hour = Math.floor(time / hourMs) % 24;
    view.setInt16(at, 7);
    view.setInt32(at + 2, 8);
    view.setInt32(at + 6, microsHigh);
    view.setUint32(at + 10, micros - microsHigh * wordRange);
    view.setInt32(at + 14, 8);
    view.setUint32(at + 18, words[click + 1]!);
    view.setUint32(at + 22, words[click + 2]!);
    view.setInt32(at + 26, 8);
    view.setInt32(at + 30, batchHigh);
    view.setUint32(at + 34, batchLow);
    view.setInt32(at + 38, 4);
    view.setInt32(at + 42, ids.geo);
    view.setInt32(at + 46, 4);
    view.setInt32(at + 50, ids.client);
    view.setInt32(at + 54, 4);
    view.setInt32(at + 58, ids.source);
    view.setInt32(at + 62, 4);
    view.setInt32(at + 66, words[click]! | (hour << hourShift));
    this.at = at + rowBytes;
    this.rows++;
  }

  /** The stream so far, ended. */
  finish(): Uint8Array {
    this.view.setInt16(this.at, -1);
    return this.bytes.subarray(0, this.at + 2);
  }

  private grow(): void {
    const larger = new Uint8Array(this.bytes.length * 2);
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
