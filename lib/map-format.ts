import { assert, checkCount } from "./assert.ts";
import { HeadwaterError } from "./errors.ts";
import type { MapSlot } from "./map-store.ts";
import type { StoredMap } from "./stored-map.ts";

/**
 * What one slot holds: nothing, a map, or why there is none. `torn` is what nobody wrote on purpose;
 * `wrong` is whole, and says what cannot be; `newer` is whole, and for a later release to read.
 */
export type SlotContent =
  | { readonly state: "blank" }
  | { readonly state: "map"; readonly map: StoredMap }
  | {
      readonly state: "torn" | "wrong" | "newer";
      readonly why: string;
      readonly remains?: SlotRemains;
    };

/** What the header of a slot without a map says. Nothing vouches for it. */
export interface SlotRemains {
  readonly generation: number;
  readonly size: number;
  readonly sourceSize: number;
  readonly regionSize: number;
  readonly written: boolean;
}

/** What two slots hold between them. */
export interface NewestMap {
  /** The map to believe. */
  readonly map?: StoredMap;
  /** Why a slot that is not empty cannot be believed. With a `map` beside it nothing is lost. */
  readonly corrupt?: HeadwaterError;
}

/** As long as a map's identity and fingerprint may be, in bytes of UTF-8. */
export const MAX_IDENTITY_LENGTH = 8192;
export const MAX_FINGERPRINT_LENGTH = 1024;

const MAGIC = 0x50414d4745525748n; // "HWREGMAP", read as a little-endian number
const VERSION = 1;
const HEADER_SIZE = 72;
const CHECKSUM_SIZE = 32;
const WRITTEN = 1;
const COMPLETE = 2;
const UNSETTLED = 4;
const ADVANCING = 8;

/** A roaring container holds the bits of so many regions, in at most 8 KiB and three entries. */
const CONTAINER_REGIONS = 65536;
const CONTAINER_SIZE = 8192 + 4 + 4 + 1;
const BITMAP_HEADER_SIZE = 8;
const SLOT_ALIGNMENT = 4096;

/**
 * The bytes of one slot that hold any map of so many regions, whatever is in it: a multiple of
 * 4096. The bitmaps must be in their smallest form (`runOptimize`).
 */
export function mapSlotSize(regionCount: number): number {
  checkCount("regionCount", regionCount, 0);
  const containers = Math.ceil(regionCount / CONTAINER_REGIONS);
  const bitmap = BITMAP_HEADER_SIZE + containers * CONTAINER_SIZE;
  const texts = MAX_IDENTITY_LENGTH + 2 * MAX_FINGERPRINT_LENGTH;
  const size = HEADER_SIZE + texts + 2 * bitmap + CHECKSUM_SIZE;
  return Math.ceil(size / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
}

/** @throws {RangeError} when the identity or the fingerprint is longer than a slot allows. */
export async function encodeMap(map: StoredMap): Promise<Uint8Array<ArrayBuffer>> {
  const identity = encodeText("identity", map.identity, MAX_IDENTITY_LENGTH);
  const fingerprint = encodeText("fingerprint", map.fingerprint, MAX_FINGERPRINT_LENGTH);
  const former = encodeText("former fingerprint", map.former, MAX_FINGERPRINT_LENGTH);
  const texts = identity.length + fingerprint.length + former.length;
  const bitmaps = map.hydrated.length + map.writtenRegions.length;
  const length = HEADER_SIZE + texts + bitmaps + CHECKSUM_SIZE;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);

  view.setBigUint64(0, MAGIC, true);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, length, true);
  view.setBigUint64(16, wholeNumber("generation", map.generation), true);
  view.setBigUint64(24, wholeNumber("size", map.size), true);
  view.setBigUint64(32, wholeNumber("sourceSize", map.sourceSize), true);
  view.setUint32(40, map.regionSize, true);
  view.setUint32(44, flagsOf(map), true);
  view.setUint32(48, identity.length, true);
  view.setUint32(52, fingerprint.length, true);
  view.setUint32(56, map.hydrated.length, true);
  view.setUint32(60, map.writtenRegions.length, true);
  view.setUint32(64, former.length, true);
  bytes.set(identity, HEADER_SIZE);
  bytes.set(fingerprint, HEADER_SIZE + identity.length);
  bytes.set(former, HEADER_SIZE + texts - former.length);
  bytes.set(map.hydrated, HEADER_SIZE + texts);
  bytes.set(map.writtenRegions, HEADER_SIZE + texts + map.hydrated.length);
  bytes.set(await sha256(bytes.subarray(0, length - CHECKSUM_SIZE)), length - CHECKSUM_SIZE);
  return bytes;
}

/**
 * The map that a slot holds; undefined when nothing was ever saved there. What follows the map in
 * the slot is ignored.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when it is torn, not a map, or of a newer version.
 */
export async function decodeMap(bytes: Uint8Array): Promise<StoredMap | undefined> {
  const content = await readSlot(bytes);
  if (content.state === "map") return content.map;
  if (content.state === "blank") return undefined;
  throw unreadable(content.why);
}

/** What each of the two slots holds. */
export function readSlots(
  slots: readonly [Uint8Array, Uint8Array],
): Promise<[SlotContent, SlotContent]> {
  return Promise.all([readSlot(slots[0], 0), readSlot(slots[1], 1)]);
}

/**
 * The later of the two maps. A torn slot is the one whose save a crash cut short, so the other is
 * what was last durable. A map of a newer version is never passed over for an older one.
 */
export async function newestMap(slots: readonly [Uint8Array, Uint8Array]): Promise<NewestMap> {
  return chooseMap(await readSlots(slots));
}

/** The same of slots that were read already. */
export function chooseMap(slots: readonly [SlotContent, SlotContent]): NewestMap {
  const newer = slots.find(({ state }) => state === "newer");
  if (newer !== undefined) return { corrupt: unreadable(whyOf(newer)) };

  // The first save goes to the odd slot, and user data is written only after the second: a crash
  // that tore the first lost nothing.
  const [even, odd] = slots;
  if (even.state === "blank" && odd.state === "torn") return {};

  const failed = slots.find(({ state }) => state === "torn" || state === "wrong");
  const mapOf = (slot: SlotContent): StoredMap | undefined =>
    slot.state === "map" ? slot.map : undefined;
  const generation = (slot: SlotContent): number => mapOf(slot)?.generation ?? -1;
  const map = mapOf(generation(even) > generation(odd) ? even : odd);
  return { ...(map && { map }), ...(failed && { corrupt: unreadable(whyOf(failed)) }) };
}

async function readSlot(slot: Uint8Array, index?: MapSlot): Promise<SlotContent> {
  if (isBlank(slot)) return { state: "blank" };
  if (slot.length < HEADER_SIZE + CHECKSUM_SIZE) return torn(`it has ${slot.length} bytes`);

  const view = new DataView(slot.buffer, slot.byteOffset, slot.length);
  if (view.getBigUint64(0, true) !== MAGIC) return torn("it does not begin as a region map");
  // The places of the version, the length and the checksum are the same in every version.
  const version = view.getUint32(8, true);
  const length = view.getUint32(12, true);
  const remains = version === VERSION ? remainsOf(view) : undefined;
  if (length < HEADER_SIZE + CHECKSUM_SIZE || length > slot.length) {
    return torn(`it says it is ${length} bytes long, in a slot of ${slot.length}`, remains);
  }
  // A copy: nobody changes it while it is checked, and it does not hold on to the slot.
  const bytes = slot.slice(0, length);
  const checksum = await sha256(bytes.subarray(0, length - CHECKSUM_SIZE));
  if (!checksum.every((byte, at) => byte === bytes[length - CHECKSUM_SIZE + at])) {
    return torn(`the checksum of its ${length} bytes is wrong`, remains);
  }
  if (version !== VERSION) {
    const why = `it is of version ${version}, and this release reads version ${VERSION}`;
    return { state: version > VERSION ? "newer" : "wrong", why };
  }
  return parse(bytes, index);
}

/** @param bytes a whole map with the right checksum, so what is wrong was written wrong. */
function parse(bytes: Uint8Array, index: MapSlot | undefined): SlotContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = remainsOf(view);
  const { generation, size, sourceSize, regionSize, written } = header;
  const wrong = (why: string): SlotContent => ({ state: "wrong", why, remains: header });
  const flags = view.getUint32(44, true);
  const identityEnd = HEADER_SIZE + view.getUint32(48, true);
  const fingerprintEnd = identityEnd + view.getUint32(52, true);
  const formerEnd = fingerprintEnd + view.getUint32(64, true);
  const hydratedEnd = formerEnd + view.getUint32(56, true);
  const partsEnd = hydratedEnd + view.getUint32(60, true);
  if (partsEnd + CHECKSUM_SIZE !== bytes.length) {
    return wrong(`its parts end at ${partsEnd + CHECKSUM_SIZE} of ${bytes.length} bytes`);
  }
  const numbers = [generation, size, sourceSize];
  if (!numbers.every(Number.isSafeInteger) || regionSize === 0) {
    return wrong(`its numbers are ${numbers.join(", ")} and ${regionSize}`);
  }
  if (flags > (WRITTEN | COMPLETE | UNSETTLED | ADVANCING)) return wrong(`its flags are ${flags}`);
  if (index !== undefined && generation % 2 !== index) {
    return wrong(`generation ${generation} is in slot ${index}`);
  }
  const map: StoredMap = {
    generation,
    size,
    sourceSize,
    regionSize,
    identity: decodeText(bytes.subarray(HEADER_SIZE, identityEnd)),
    written,
    unsettled: (flags & UNSETTLED) !== 0,
    advancing: (flags & ADVANCING) !== 0,
    complete: (flags & COMPLETE) !== 0,
    fingerprint: decodeText(bytes.subarray(identityEnd, fingerprintEnd)),
    former: decodeText(bytes.subarray(fingerprintEnd, formerEnd)),
    hydrated: bytes.slice(formerEnd, hydratedEnd),
    writtenRegions: bytes.slice(hydratedEnd, partsEnd),
  };
  return { state: "map", map };
}

function remainsOf(view: DataView): SlotRemains {
  return {
    generation: Number(view.getBigUint64(16, true)),
    size: Number(view.getBigUint64(24, true)),
    sourceSize: Number(view.getBigUint64(32, true)),
    regionSize: view.getUint32(40, true),
    written: (view.getUint32(44, true) & WRITTEN) !== 0,
  };
}

function flagsOf({ written, complete, unsettled, advancing }: StoredMap): number {
  const low = (written ? WRITTEN : 0) | (complete ? COMPLETE : 0);
  return low | (unsettled ? UNSETTLED : 0) | (advancing ? ADVANCING : 0);
}

/** A slot may have megabytes, so this is a plain loop: ten times as fast as `every`. */
function isBlank(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

function torn(why: string, remains?: SlotRemains): SlotContent {
  return { state: "torn", why, ...(remains && { remains }) };
}

function whyOf(slot: SlotContent): string {
  return "why" in slot ? slot.why : "";
}

function unreadable(why: string): HeadwaterError {
  return new HeadwaterError("MAP_CORRUPT", `the region map cannot be read: ${why}`);
}

function encodeText(name: string, text: string, limit: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > limit) {
    throw new RangeError(`the ${name} has ${bytes.length} bytes; at most ${limit} are allowed`);
  }
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  // Without `ignoreBOM` a text that begins with one would not come back as it was.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function wholeNumber(name: string, value: number): bigint {
  assert(Number.isSafeInteger(value), `${name} is ${value}`);
  assert(value >= 0, `${name} is ${value}`);
  return BigInt(value);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
}
