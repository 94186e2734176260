import { Clone, loadBitmaps, newestMap, RegionMap, statusLine } from "../../lib/index.ts";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { fill, runsOf } from "./content.ts";
import { TraceDestination, TraceMapStore, TraceSource } from "./devices.ts";
import { type LineFields, parseStatusLine, type Table } from "./trace.ts";
import { isDigesting, turn, VirtualClock } from "./virtual-clock.ts";

/** So many turns without a change, and everything that needs no time has happened. */
const QUIET_TURNS = 30;
const MANY_TURNS = 50_000;

/** How large the devices are, in sectors. */
export interface StageOptions {
  readonly sourceSectors?: number;
  readonly destinationSectors?: number;
  readonly delayMs?: number;
}

/** Three devices with a clone on them, and the time in which they live. */
export class Stage {
  readonly clock: VirtualClock = new VirtualClock();
  readonly source: TraceSource;
  destination: TraceDestination;
  store: TraceMapStore;
  /** What the clone told since it was opened. */
  events = { hydrated: 0, quarantined: 0, modes: [] as string[] };
  #clone: Clone | undefined;
  #table: Table | undefined;

  constructor(options: StageOptions = {}) {
    const { sourceSectors = 1032, destinationSectors = 1032, delayMs = 0 } = options;
    this.source = new TraceSource(this.clock, sourceSectors);
    this.source.delayMs = delayMs;
    this.destination = new TraceDestination(this.clock, fill("D", 0, destinationSectors));
    this.store = new TraceMapStore();
  }

  get clone(): Clone {
    if (this.#clone === undefined) throw new Error("nothing is open");
    return this.#clone;
  }

  /** Opens the clone, or closes it and opens it again. */
  async open(table: Table | undefined = this.#table): Promise<void> {
    if (table === undefined) throw new Error("no table was given");
    await this.close();
    const { size, ...options } = table;
    this.#clone = await Clone.open({
      ...options,
      source: this.source,
      destination: this.destination,
      mapStore: this.store,
      copyOnRead: false,
      readAround: 0,
      // A read fails at once, as the kernel's do.
      retries: { demand: 0, backoffMs: 1000 },
      clock: this.clock,
    });
    this.#table = table;
    this.#listen(this.#clone);
    const isNew = (): boolean => this.store.saves > 0 || this.store.fault !== undefined;
    await this.until(isNew);
    await this.rest();
  }

  async close(): Promise<void> {
    const closing = this.#clone?.close();
    this.#clone = undefined;
    if (closing !== undefined) await this.settle(closing);
  }

  /** What would be found after a crash now: whatever the devices hold, opened as a clone. */
  async crashImage(table: Table): Promise<Stage> {
    const image = new Stage();
    image.destination = new TraceDestination(image.clock, this.destination.bytes.slice());
    image.store = new TraceMapStore(await this.store.slots());
    image.store.saves = this.store.saves;
    await image.open(table);
    return image;
  }

  /** Turns hydration on, as the message does. */
  enable(): void {
    const { clone } = this;
    if (["paused", "stalled"].includes(clone.status().hydration)) clone.resume();
    if (clone.status().hydration === "off") clone.hydrate().catch(() => {});
    else clone.resume();
  }

  /** Resolves when nothing more happens by itself, before any time has passed. */
  async rest(): Promise<void> {
    let last = "";
    let quiet = 0;
    for (let turns = 0; quiet < QUIET_TURNS; turns += isDigesting() ? 0 : 1) {
      if (turns > MANY_TURNS) throw new Error("it does not come to rest");
      await turn();
      const { hydration, error, mode } = this.clone.status();
      const isFinishing = this.isWhole && hydration !== "complete" && error === undefined;
      const now = `${statusLine(this.clone.status())} ${hydration} ${this.source.calls} ${mode}`;
      quiet = now === last && !isFinishing && !isDigesting() ? quiet + 1 : 0;
      last = now;
    }
  }

  /** Lets time pass, little by little, until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    let quiet = 0;
    for (let turns = 0; !isSo(); turns += isDigesting() ? 0 : 1) {
      if (turns > MANY_TURNS) throw new Error("it does not come about");
      quiet = isDigesting() ? 0 : quiet + 1;
      if (quiet > QUIET_TURNS) await this.clock.advance(1);
      else await turn();
    }
  }

  /** The same until it is settled. */
  async settle<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    await this.until(() => isOver);
    return work;
  }

  get hydratedCount(): number {
    return this.clone.status().hydratedCount;
  }

  get isWhole(): boolean {
    const { hydratedCount, regionCount } = this.clone.status();
    return hydratedCount === regionCount;
  }

  /** In sectors, since the devices were made. */
  traffic(): Record<"sourceRead" | "read" | "written" | "discarded", number> {
    const { source, destination } = this;
    return {
      sourceRead: source.sectorsRead,
      read: destination.sectorsRead,
      written: destination.sectorsWritten,
      discarded: destination.sectorsDiscarded,
    };
  }

  statusFields(): LineFields | { readonly mode: string } {
    return parseStatusLine(statusLine(this.clone.status()));
  }

  /** What the clone reads as; in pieces of so many sectors, `E` where one cannot be read. */
  async cloneRuns(piece: number | undefined): Promise<string> {
    const { size } = this.clone;
    const length = piece === undefined ? size : piece * SECTOR_SIZE;
    const parts: string[] = [];
    for (let at = 0; at < size; at += length) {
      parts.push(await this.runsAt(at, Math.min(length, size - at)));
    }
    return parts.join("|");
  }

  async runsAt(offset: number, length: number): Promise<string> {
    try {
      const bytes = await this.settle(this.clone.read(offset, length));
      return runsOf(bytes, offset / SECTOR_SIZE);
    } catch {
      return `E*${length / SECTOR_SIZE}`;
    }
  }

  destinationRuns(): string {
    return runsOf(this.destination.bytes.subarray(0, this.clone.size), 0);
  }

  /** The regions that the stored map says are hydrated. */
  async storedRegions(): Promise<string> {
    const { map } = await newestMap(await this.store.slots());
    if (map === undefined) throw new Error("nothing was stored");
    const count = Math.ceil(map.size / map.regionSize);
    const regions = RegionMap.restore(await loadBitmaps(), count, map.hydrated);
    const runs: string[] = [];
    for (let first = 0; first < count; first += 1) {
      if (!regions.isHydrated(first)) continue;
      const end = regions.nextMissing(first) ?? count;
      runs.push(end - 1 === first ? `${first}` : `${first}-${end - 1}`);
      first = end;
    }
    return runs.join(",");
  }

  #listen(clone: Clone): void {
    const events = { hydrated: 0, quarantined: 0, modes: [] as string[] };
    this.events = events;
    clone.on("hydrated", () => {
      events.hydrated += 1;
    });
    clone.on("quarantined", () => {
      events.quarantined += 1;
    });
    clone.on("mode", (mode) => events.modes.push(mode));
  }
}
