import type { CloneStats, SourceOpener } from "../../lib/index.ts";
import type { Disk } from "./disk.ts";
import type { LifeProfile } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import { SimulatedDestination } from "./simulated-destination.ts";
import { SimulatedMapStore } from "./simulated-map-store.ts";
import { SimulatedSource } from "./simulated-source.ts";

/** The devices of one life, and what must hold of them together. */
export class Devices {
  readonly destination: SimulatedDestination;
  readonly mapStore: SimulatedMapStore;
  /** Told when a call for nobody begins. */
  onBackground = (): void => {};
  readonly #profile: LifeProfile;
  readonly #original: Uint8Array;
  readonly #scene: Scene;
  readonly #random: Random;
  /** The last one is the one that is used. */
  readonly #sources: SimulatedSource[] = [];
  /** The one that the clone has to close. */
  #owned: SimulatedSource | undefined;
  #isHealed = false;

  constructor(
    disk: Disk,
    original: Uint8Array,
    profile: LifeProfile,
    scene: Scene,
    random: Random,
  ) {
    this.#profile = profile;
    this.#original = original;
    this.#scene = scene;
    this.#random = random;
    const { destination, mapStore } = profile;
    this.destination = new SimulatedDestination(disk.versions, destination, scene, random.fork());
    this.mapStore = new SimulatedMapStore(disk.slots, mapStore, scene, random.fork());
    this.#addSource();
    if (profile.options.ownsSource) this.#owned = this.source;
  }

  get source(): SimulatedSource {
    return this.#sources.at(-1) ?? this.#addSource();
  }

  get isReconnected(): boolean {
    return this.#sources.length > 1;
  }

  /** Another device of the same blob, or what opens one. */
  another(): SimulatedSource | SourceOpener {
    const source = this.#makeSource();
    const connect = (isOwned: boolean): void => {
      this.#sources.push(source);
      this.#owned = isOwned ? source : undefined;
    };
    if (this.#random.chance(0.5)) {
      connect(false);
      return source;
    }
    return {
      open: async () => {
        await this.#scene.timeline.sleep(10);
        connect(true);
        return source;
      },
      recognizes: () => true,
    };
  }

  /** From now on nothing fails any more, but for what is bad for good. */
  heal(): void {
    this.#isHealed = true;
    for (const source of this.#sources) source.faults = 0;
    this.destination.faults = 0;
    this.destination.isFull = false;
    this.mapStore.faults = 0;
  }

  /** Whether the clone let go of what is its own, now that it does not need it. */
  get isReleased(): boolean {
    return this.#owned === undefined || this.#owned.isClosed;
  }

  /** Nothing is under way. */
  checkIdle(when: string): void {
    const { report } = this.#scene;
    const { underWay } = this.destination;
    if (underWay > 0) report(`${underWay} operations of the destination are under way ${when}`);
    if (this.mapStore.underWay > 0) report(`the map store is used ${when}`);
    if (this.#sources.some((source) => source.underWay > 0)) report(`the source is read ${when}`);
  }

  /** From here on nothing may begin, until `undefined` is given. */
  forbid(when: string | undefined): void {
    for (const device of [this.destination, this.mapStore, ...this.#sources]) {
      device.forbidden = when;
    }
  }

  /** Everything that came is counted, and where nothing went wrong nothing came twice. */
  checkSpent(stats: CloneStats, landedBytes: number, isWhole: boolean): void {
    const { hasFaults, options, source } = this.#profile;
    const { report } = this.#scene;
    const { bytesFetched, abandonedBytes } = stats;
    const served = this.#sources.reduce((sum, { servedBytes }) => sum + servedBytes, 0);
    if (bytesFetched !== served) report(`${served} bytes came, not ${bytesFetched}`);
    if (options.copyOnRead === false || hasFaults || this.isReconnected) return;
    if (isWhole && source.streams && bytesFetched !== landedBytes + abandonedBytes) {
      report(`${bytesFetched} bytes fetched, ${landedBytes} landed, ${abandonedBytes} not`);
    }
    if (source.openedLength > 0 || options.regionSize !== 4096) return;
    if (this.source.served.some((count) => count > 1)) report("a byte was asked for twice");
  }

  /** What is left when the process is gone, and perhaps the power. */
  survivor(isPowerLost: boolean): Disk {
    const versions = this.destination.survivor(isPowerLost, this.#random.fork());
    return { versions, slots: this.mapStore.survivor(this.#random.fork()) };
  }

  #addSource(): SimulatedSource {
    const source = this.#makeSource();
    this.#sources.push(source);
    return source;
  }

  #makeSource(): SimulatedSource {
    const { source: temper } = this.#profile;
    const source = new SimulatedSource(this.#original, temper, this.#scene, this.#random.fork());
    source.onBackground = () => this.onBackground();
    if (this.#isHealed) source.faults = 0;
    return source;
  }
}
