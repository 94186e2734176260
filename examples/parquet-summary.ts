import {
  type AsyncBuffer,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** What a query found in one column of the first rows. */
export interface ParquetSummary {
  readonly column: string;
  /** The rows that were read, and all that there are. */
  readonly rowCount: number;
  readonly totalRowCount: number;
  readonly least: number;
  readonly most: number;
  readonly average: number;
}

/** The footer is found at the end; that of a large file is longer and takes a second read. */
const FOOTER_SIZE = 64 * 2 ** 10;

const NUMBERS = ["INT32", "INT64", "FLOAT", "DOUBLE"];

/**
 * Reads the first numeric column of the first row group: the footer and one stretch of the file,
 * whatever its size. Undefined when no column is made of plain numbers.
 */
export async function summarizeParquet(file: AsyncBuffer): Promise<ParquetSummary | undefined> {
  const metadata = await parquetMetadataAsync(file, { initialFetchSize: FOOTER_SIZE });
  const rowEnd = Number(metadata.row_groups[0]?.num_rows ?? 0);
  const column = parquetSchema(metadata).children.find(({ element }) => {
    const isPlain = element.logical_type === undefined && element.converted_type === undefined;
    return isPlain && NUMBERS.includes(element.type ?? "");
  })?.element.name;
  if (column === undefined || rowEnd === 0) return undefined;

  const columns = [column];
  const rows = await parquetReadObjects({ file, metadata, columns, rowEnd, compressors });
  const values = rows.map((row) => row[column]).filter((value) => value !== null);
  const summary = { least: Infinity, most: -Infinity, total: 0 };
  for (const value of values.map(Number)) {
    summary.least = Math.min(summary.least, value);
    summary.most = Math.max(summary.most, value);
    summary.total += value;
  }
  const { least, most, total } = summary;
  const totalRowCount = Number(metadata.num_rows);
  return { column, rowCount: rowEnd, totalRowCount, least, most, average: total / values.length };
}
