/** What is stored of a clone. All sizes in bytes. The bytes are in docs/region-map-format.md. */
export interface StoredMap {
  /** Rises by one with each save. A map is saved in slot `generation % 2`. */
  readonly generation: number;
  /** Of the clone, which may have been resized. */
  readonly size: number;
  readonly sourceSize: number;
  readonly regionSize: number;
  /** Of the source. */
  readonly identity: string;
  /** Whether a user wrote or discarded since the copy began. */
  readonly written: boolean;
  /**
   * Whether a clone was writing when this was saved, or was once and ended without a last save:
   * then what was written after the save may be missing from the record of written regions.
   */
  readonly unsettled: boolean;
  /**
   * Whether the copy is on its way from one version of its source to another: the map is of the new
   * one, and the destination may not have its size yet, or still lie under its final name.
   */
  readonly advancing: boolean;
  /** Whether every region is hydrated. */
  readonly complete: boolean;
  /** Of the finished destination; empty until then. */
  readonly fingerprint: string;
  /** Of the finished former version, which this copy replaces when it is whole; or empty. */
  readonly former: string;
  /** The hydrated regions, as a portable roaring bitmap. */
  readonly hydrated: Uint8Array;
  /** The regions that a user wrote or discarded, in the same format; without bytes if none. */
  readonly writtenRegions: Uint8Array;
}

/** What is stored beside the regions themselves. */
export type StoredState = Pick<
  StoredMap,
  "generation" | "written" | "unsettled" | "advancing" | "complete" | "fingerprint" | "former"
>;
