import { type ByteRange, isHeadwaterError } from "../../lib/index.ts";
import { adviceOn } from "./exit-codes.ts";
import { inFlags } from "./options.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatDuration, formatPercent } from "./quantities.ts";
import type { Ending, Notice, Opened } from "./reporter.ts";

/** What was found at the start; empty when there was nothing. */
export function describeOpened({ file, size, hydratedBytes }: Opened): string {
  if (hydratedBytes === 0 && size > 0) return `${printable(file)}: ${formatBytes(size)}`;
  const part = formatPercent(size === 0 ? 100 : (100 * hydratedBytes) / size);
  return `${printable(file)}: ${formatBytes(size)}, ${part} is here already`;
}

export function describeNotice(notice: Notice): string {
  switch (notice.event) {
    case "restarted":
      return "the source has changed since the copy was begun: starting over";
    case "advanced": {
      const kept = `${formatBytes(notice.keptBytes)} of what was here are kept`;
      const why = notice.reason === undefined ? kept : `everything is fetched: ${notice.reason}`;
      return printable(`the copy is brought from ${notice.from} to ${notice.to}; ${why}`);
    }
    case "serving":
      return `serving ${printable(notice.uri)}${notice.writable ? "" : " (read-only)"}`;
    case "stopped":
      return printable(`the rest is not fetched any more: ${notice.message}`);
    case "quarantined": {
      const where = `${formatBytes(notice.length)} at ${formatCount(notice.offset)}`;
      return printable(`${where} failed, and will be tried again later: ${notice.message}`);
    }
  }
}

export function describeEnding(ending: Ending): string {
  const file = printable(ending.file);
  switch (ending.event) {
    case "hydrated": {
      const { requests, bytesFetched } = ending.stats;
      if (requests === 0) return `${file} is whole (nothing was left to fetch)`;
      const fetched = `${formatBytes(bytesFetched)} fetched in ${formatCount(requests)} requests`;
      return `${file} is whole: ${fetched}, ${formatDuration(ending.elapsedMs)}`;
    }
    case "closed":
      return `${file}: ${share(ending)} is here; without --no-hydration the rest is fetched`;
    case "interrupted": {
      const where = ending.at === undefined ? "" : ` at ${share(ending.at)}`;
      const late = ending.saved === false ? " (not saved in time: a little is fetched again)" : "";
      return `stopped${where}${late}; run the same command again to go on from there`;
    }
  }
}

function share({ hydratedBytes, size }: { hydratedBytes: number; size: number }): string {
  return formatPercent(size === 0 ? 100 : (100 * hydratedBytes) / size);
}

/** One line: what happened, and what to do. */
export function describeError(error: unknown): string {
  const message = inFlags(error instanceof Error ? error.message : String(error));
  const code = isHeadwaterError(error) ? `${error.code}: ` : "";
  const stop = /[.!?]$/.test(message) ? "" : ".";
  return printable(`headwater: ${code}${message}${stop} ${adviceOn(error)}`).trimEnd();
}

const LISTED_RANGES = 10;

/** "0-65535, 131072-196607 and 3 more", first to last byte as in a Range header. */
export function listRanges(ranges: readonly ByteRange[]): string {
  const listed = ranges
    .slice(0, LISTED_RANGES)
    .map(({ offset, length }) => `${offset}-${offset + length - 1}`);
  const more = ranges.length - listed.length;
  return listed.join(", ") + (more > 0 ? ` and ${formatCount(more)} more` : "");
}
