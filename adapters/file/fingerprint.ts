/** What of a file's state is compared. From `stat` with `bigint: true`: a time needs all digits. */
interface FileState {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}

/**
 * Names the state of a file. Not the number of its device: that may be another one after a boot.
 */
export function fingerprintOf({ size, mtimeNs, ino }: FileState): string {
  return `size ${size}, inode ${ino}, modified ${mtimeNs}`;
}

/**
 * Whether this is the file that had that fingerprint.
 *
 * @param written whether a clone writes to it itself, which moves its time of change.
 */
export function hasFingerprint(state: FileState, fingerprint: string, written: boolean): boolean {
  const found = fingerprintOf(state);
  if (!written) return found === fingerprint;
  return withoutTime(found) === withoutTime(fingerprint);
}

function withoutTime(fingerprint: string): string {
  return fingerprint.replace(/, modified \d+$/, "");
}
