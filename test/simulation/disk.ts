import { SectorVersions } from "../devices/sector-versions.ts";

/** What is there when nothing runs: the content of the destination and the two slots of the map. */
export interface Disk {
  /** What was written to the destination, and what of it would be lost with the power. */
  readonly versions: SectorVersions;
  readonly slots: readonly [Uint8Array, Uint8Array];
}

/** What a new destination holds: neither zeros nor anything that a source serves. */
export const GARBAGE = 0xa6;

export function newDisk(size: number): Disk {
  return {
    versions: new SectorVersions(new Uint8Array(size).fill(GARBAGE)),
    slots: [new Uint8Array(), new Uint8Array()],
  };
}
