import type { SqlValue } from "../../sqlite/index.ts";

/** How rows are written: for people, or for programs. */
export type RowFormat = "table" | "json" | "csv";

/** Writes the rows of one result after the other. */
export interface RowWriter {
  readonly format: RowFormat;
  /** Before the rows of each result. */
  begin(names: readonly string[]): void;
  /** Resolves to false when nobody reads any more. */
  write(rows: readonly (readonly SqlValue[])[]): Promise<boolean>;
  /** After the last row of a result. */
  end(): Promise<boolean>;
}

/** Takes text, no faster than it is read. Resolves to false when nobody reads any more. */
export type WriteText = (text: string) => Promise<boolean>;

/** A blob in hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
