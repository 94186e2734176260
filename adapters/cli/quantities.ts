const SIZE = /^(\d+(?:\.\d+)?) ?([kmgt]?)(i?b)?$/i;
const POWERS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4 };

/**
 * Reads "65536", "64KiB", "64K" (the same) or "1.5MB" (decimal) as bytes.
 *
 * @throws {RangeError} when it is not a size, or not a whole number of bytes.
 */
export function parseSize(text: string): number {
  const [, digits = "", letter = "", unit = ""] = SIZE.exec(text.trim()) ?? [];
  const base = unit.toLowerCase() === "b" ? 1000 : 1024;
  const bytes = Number(digits) * base ** (POWERS[letter.toLowerCase()] ?? 0);
  if (digits === "" || !Number.isSafeInteger(bytes)) {
    throw new RangeError(`"${text}" is not a size; write for example 65536, 64KiB or 1.5MB`);
  }
  return bytes;
}

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "12.9 MiB". */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // 1023.95 and above would be shown as 1024.0.
  while (amount >= 1023.95 && unit < BINARY_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${BINARY_UNITS[unit]}`;
}

/** "13,493,022". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Rounded down, so that 100 % is said only of the whole. */
export function formatPercent(percent: number): string {
  return `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;
}

/** "850 ms", "4.2 s", "3 min 20 s", "2 h 05 min". */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
