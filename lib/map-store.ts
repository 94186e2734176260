/** A store keeps two, so that one is whole while the other is written. */
export type MapSlot = 0 | 1;

/** Where the region map is kept, as bytes that mean nothing to the store. */
export interface MapStore extends AsyncDisposable {
  /**
   * What the two slots hold: empty, or only zeros, where nothing was saved. After a crash one of
   * them may be torn, and what follows the saved bytes in a slot is undefined: the format knows
   * its own length and checksum.
   */
  load(): Promise<readonly [Uint8Array, Uint8Array]>;

  /**
   * Once this resolves the bytes survive a crash. A crash meanwhile may tear this slot and never
   * touches the other. Calls do not overlap.
   *
   * @throws {HeadwaterError} `DESTINATION_FULL` when there is no space left.
   */
  save(slot: MapSlot, bytes: Uint8Array): Promise<void>;

  /**
   * Makes room for maps of so many bytes, and keeps what is stored. Without it a store has room for
   * any map.
   */
  reserve?(slotSize: number): Promise<void>;

  /** Calling it again is harmless. */
  close(): Promise<void>;
}
