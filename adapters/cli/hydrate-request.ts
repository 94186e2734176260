import { parseArgs } from "node:util";
import { checkRegionSize, type LiveOptions, type SourceOpener } from "../../lib/index.ts";
import type { HydrateBlobOptions } from "../hydrate.ts";
import {
  fileNameOf,
  parseAmount,
  parseCount,
  parseReadRequest,
  parseUrl,
  type ReadRequest,
  readTrace,
  takePositionals,
  understand,
} from "./command-line.ts";
import { UsageError } from "./exit-codes.ts";
import { HYDRATE_OPTIONS, JSON_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { parseSize } from "./quantities.ts";
import {
  httpOptionsFrom,
  isNbd,
  isS3,
  nbdOptionsFrom,
  type SourceValues,
  s3OptionsFrom,
} from "./source.ts";

/** What `headwater <url> [file]` was asked for. */
export interface HydrateRequest {
  readonly url: URL;
  /** What is opened in place of the URL. */
  readonly opener?: SourceOpener;
  readonly file: string;
  readonly options: HydrateBlobOptions;
  readonly read: ReadRequest | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

const OPTIONS = { ...HYDRATE_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS } as const;

/** The values of the options that a copy is made with, as typed. */
export interface CopyValues extends SourceValues {
  readonly overwrite?: boolean | undefined;
  readonly revalidate?: boolean | undefined;
  readonly "discard-local"?: boolean | undefined;
  readonly "no-hydration"?: boolean | undefined;
  readonly warm?: string | undefined;
  readonly manifest?: string | undefined;
  readonly "former-manifest"?: string | undefined;
  readonly "region-size"?: string | undefined;
  readonly threshold?: string | undefined;
  readonly "batch-size"?: string | undefined;
  readonly "limit-rate"?: string | undefined;
  readonly "max-bytes"?: string | undefined;
  readonly "max-requests"?: string | undefined;
  readonly "max-cost"?: string | undefined;
  readonly "price-per-request"?: string | undefined;
  readonly "price-per-gigabyte"?: string | undefined;
  readonly "stall-after"?: string | undefined;
  readonly "allow-unvalidated"?: boolean | undefined;
  readonly "whole-pass"?: boolean | undefined;
}

/** The same as `hydrate` wants it. @throws {UsageError} when a value makes no sense. */
export function copyOptions(url: URL, values: CopyValues): HydrateBlobOptions {
  return { ...cloneOptions(values), ...sourceOptions(url, values) };
}

/** @throws {UsageError} */
export function parseHydrateRequest(args: readonly string[]): HydrateRequest {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = "", named] = takePositionals(positionals, ["URL", "file"], 1);
  const url = parseUrl(given);
  const { read, json = false, quiet = false } = values;
  if (read !== undefined && json) {
    throw new UsageError("--read and --json both write to stdout; choose one");
  }
  if (values["no-hydration"] && read === undefined) {
    throw new UsageError("--no-hydration needs --read: else there is nothing to do");
  }
  return {
    url,
    file: named ?? fileNameOf(url),
    options: copyOptions(url, values),
    read: read === undefined ? undefined : parseReadRequest(read),
    json,
    quiet,
  };
}

/** What `HYDRATE_OPTIONS` say of how the clone behaves. */
export function cloneOptions(values: CopyValues): HydrateBlobOptions {
  const { overwrite = false, revalidate = false, warm } = values;
  const { manifest, "former-manifest": formerManifest } = values;
  if (formerManifest !== undefined && manifest === undefined) {
    throw new UsageError("--former-manifest needs --manifest, that of the version now");
  }
  const { threshold, "region-size": regionSize, "batch-size": batchSize } = values;
  const { "limit-rate": rate, "stall-after": stallAfter } = values;
  const count = (option: string, text: string): number => parseCount(option, text);
  return {
    overwrite,
    revalidate,
    discardLocal: values["discard-local"] ?? false,
    noHydration: values["no-hydration"] ?? false,
    ...(manifest === undefined ? {} : { manifest }),
    ...(formerManifest === undefined ? {} : { formerManifest }),
    ...(warm === undefined ? {} : { warm: readTrace("warm", warm) }),
    ...(regionSize === undefined ? {} : { regionSize: parseRegionSize(regionSize) }),
    ...(threshold === undefined ? {} : { hydrationThreshold: count("threshold", threshold) }),
    ...(batchSize === undefined ? {} : { hydrationBatchSize: count("batch-size", batchSize) }),
    ...(rate === undefined ? {} : { bytesPerSecond: understand(() => parseSize(rate)) }),
    ...budgetOptions(values),
    ...(stallAfter === undefined
      ? {}
      : { retries: { stallAfter: count("stall-after", stallAfter) } }),
  };
}

function budgetOptions(values: CopyValues): LiveOptions {
  const { "max-bytes": bytes, "max-requests": requests, "max-cost": cost } = values;
  const { "price-per-request": request, "price-per-gigabyte": gigabyte } = values;
  if (cost !== undefined && request === undefined && gigabyte === undefined) {
    throw new UsageError("--max-cost needs --price-per-request or --price-per-gigabyte");
  }
  return {
    ...(bytes === undefined ? {} : { maxBytes: understand(() => parseSize(bytes)) }),
    ...(requests === undefined ? {} : { maxRequests: parseCount("max-requests", requests) }),
    ...(cost === undefined ? {} : { maxCost: parseAmount("max-cost", cost) }),
    ...(request === undefined
      ? {}
      : { pricePerRequest: parseAmount("price-per-request", request) }),
    ...(gigabyte === undefined
      ? {}
      : { pricePerGigabyte: parseAmount("price-per-gigabyte", gigabyte) }),
  };
}

function sourceOptions(
  url: URL,
  values: CopyValues,
): Pick<HydrateBlobOptions, "http" | "nbd" | "s3"> {
  if (isS3(url)) return { s3: s3OptionsFrom(values) };
  const allowUnvalidated = values["allow-unvalidated"] ?? false;
  if (isNbd(url)) return { nbd: { ...nbdOptionsFrom(values), allowUnvalidated } };
  const wholePass = values["whole-pass"] ?? false;
  return { http: { ...httpOptionsFrom(values), allowUnvalidated, wholePass } };
}

function parseRegionSize(text: string): number {
  return understand(() => {
    const regionSize = parseSize(text);
    checkRegionSize(regionSize);
    return regionSize;
  });
}
