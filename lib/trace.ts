import { joinRanges } from "./byte-ranges.ts";
import type { ByteRange } from "./device.ts";
import { HeadwaterError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";

/**
 * What a run read of a blob, in the order in which it first did. It is plain JSON
 * (docs/trace-format.md), and the `warm` option fetches it first.
 */
export interface Trace {
  readonly format: "headwater-trace";
  readonly version: 1;
  /** Of the blob that was read. For people: it may be another one's with the same layout. */
  readonly identity: string;
  /** Of that blob, in bytes. A trace is of use only for a blob of this size. */
  readonly size: number;
  /** Offset and length of each, in whole regions, apart from each other. */
  readonly ranges: readonly (readonly [offset: number, length: number])[];
}

/** Regions in a trace at most: what is read first after that is not recorded. */
const MOST_REGIONS: number = 2 ** 20;

/** Records which regions are read, each when it is first read. */
export class TraceRecorder {
  readonly #geometry: Geometry;
  readonly #seen = new Set<number>();

  constructor(geometry: Geometry) {
    this.#geometry = geometry;
  }

  /** Of a range that lies inside. */
  touch(offset: number, length: number): void {
    const { first, end } = this.#geometry.runOf(offset, length);
    for (let region = first; region < end && this.#seen.size < MOST_REGIONS; region += 1) {
      this.#seen.add(region); // a Set keeps the order
    }
  }

  trace(identity: string): Trace {
    const geometry = this.#geometry;
    const regions = [...this.#seen].map((region) => ({
      offset: geometry.offsetOf(region),
      length: geometry.lengthOf(region, region + 1),
    }));
    return traceOf(identity, geometry.size, regions);
  }
}

/**
 * A trace as it was read from a file or the network.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is none, or of a version that is not known here.
 */
export function parseTrace(json: string): Trace {
  const found = parsed(json);
  const { format, version, identity, size, ranges } = found;
  if (format !== "headwater-trace") throw corrupt("it does not say that it is one");
  if (version !== 1) throw corrupt(`it is of version ${version}; 1 is known`);
  if (typeof identity !== "string") throw corrupt("it has no identity");
  if (!isCount(size)) throw corrupt("it has no size");
  if (!Array.isArray(ranges) || ranges.length > MOST_REGIONS) throw corrupt("it has no ranges");
  const inside = ranges.map((range: unknown) => {
    const [offset, length] = Array.isArray(range) ? (range as unknown[]) : [];
    const isRange = isCount(offset) && isCount(length) && offset + length <= size;
    if (!isRange) throw corrupt(`${JSON.stringify(range)} is no range of ${size} bytes`);
    return { offset, length };
  });
  return traceOf(identity, size, inside);
}

/**
 * What any of several runs read: what all of them read early comes first.
 *
 * @throws {RangeError} when there is none, or they are of blobs of different sizes.
 */
export function mergeTraces(traces: readonly Trace[]): Trace {
  const [first] = traces;
  if (first === undefined) throw new RangeError("there is no trace to merge");
  const other = traces.find(({ size }) => size !== first.size);
  if (other !== undefined) {
    throw new RangeError(`one trace is of ${first.size} bytes, and another of ${other.size}`);
  }
  const longest = Math.max(...traces.map(({ ranges }) => ranges.length));
  const inTurn = Array.from({ length: longest }, (_, index) =>
    traces.flatMap(({ ranges }) => {
      const range = ranges[index];
      return range === undefined ? [] : { offset: range[0], length: range[1] };
    }),
  );
  return traceOf(first.identity, first.size, inTurn.flat());
}

/** The ranges as everything else here wants them. */
export function rangesOf({ ranges }: Trace): ByteRange[] {
  return ranges.map(([offset, length]) => ({ offset, length }));
}

function traceOf(identity: string, size: number, touched: readonly ByteRange[]): Trace {
  const ranges = joinRanges(touched).map(({ offset, length }) => [offset, length] as const);
  return { format: "headwater-trace", version: 1, identity, size, ranges };
}

function parsed(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch (error) {
    throw corrupt("it is not JSON", error);
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function corrupt(why: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("CORRUPT", `this is no trace of reads: ${why}`, { cause });
}
