import type { ByteRange, CloneOptions } from "../../lib/index.ts";
import type { Random } from "./random.ts";
import type { Temper } from "./scene.ts";
import type { DestinationTemper } from "./simulated-destination.ts";
import type { SourceTemper } from "./simulated-source.ts";

export type StepKind =
  | "read"
  | "write"
  | "cover"
  | "overtake"
  | "discard"
  | "zero"
  | "flush"
  | "hydrate"
  | "pause"
  | "resume"
  | "configure"
  | "suspend"
  | "reconnect"
  | "look";

/** What a seed makes of the world, for all of its lives. */
export interface WorldProfile {
  readonly size: number;
  readonly destinationSize: number;
  readonly regionSize: number;
  readonly identity: string;
  readonly lives: number;
  readonly hasFaults: boolean;
  readonly hasCrashes: boolean;
  /** Of the source. */
  readonly zeros: readonly ByteRange[];
}

/** What one life is like: each has other devices and other users. */
export interface LifeProfile {
  readonly source: SourceTemper;
  readonly destination: DestinationTemper;
  readonly mapStore: Temper;
  readonly options: Partial<CloneOptions>;
  readonly users: number;
  readonly steps: number;
  readonly thinkMs: number;
  readonly aborts: number;
  /** How often a change is to survive a crash at once. */
  readonly fua: number;
  readonly weights: Readonly<Record<StepKind, number>>;
  /** The step of the devices at which it ends, if it does not end well. */
  readonly crashAt: number;
  readonly isPowerLost: boolean;
  /** Whether everything is brought before the end. */
  readonly isCompleted: boolean;
  /** Whether it is closed while the users are at work. */
  readonly isClosedEarly: boolean;
  readonly hasFaults: boolean;
}

const SMALL = 4096;
const LARGE = 65_536;

export function worldProfile(random: Random): WorldProfile {
  const isLarge = random.chance(0.01);
  const regionSize = isLarge ? LARGE : SMALL;
  const regions = isLarge ? random.between(9, 20) : random.between(1, 10);
  const tail = random.chance(0.3) ? regionSize : random.between(1, regionSize - 1);
  const size = (regions - 1) * regionSize + tail;
  return {
    size,
    destinationSize: random.chance(0.2) ? size + random.between(1, 2 * regionSize) : size,
    regionSize,
    // A long one makes a map of several sectors, which can be torn.
    identity: random.chance(0.7) ? `simulated ${"x".repeat(1500)}` : "simulated",
    lives: random.pick([1, 1, 2, 2, 3, 4]),
    hasFaults: random.chance(0.6),
    hasCrashes: random.chance(0.6),
    zeros: random.chance(0.3) ? zerosIn(size, regionSize, random) : [],
  };
}

/** One or two ranges, in order. */
function zerosIn(size: number, regionSize: number, random: Random): ByteRange[] {
  const cuts = Array.from({ length: 4 }, () => random.below(size + 1));
  const [a = 0, b = 0, c = 0, d = 0] = cuts
    .map((cut) => (random.chance(0.5) ? cut : Math.min(size, cut - (cut % regionSize))))
    .sort((one, other) => one - other);
  return [
    { offset: a, length: b - a },
    { offset: c, length: d - c },
  ].filter(({ length }) => length > 0);
}

export function lifeProfile(world: WorldProfile, random: Random): LifeProfile {
  const { regionSize, size } = world;
  const hasFaults = world.hasFaults && random.chance(0.8);
  const faults = (most: number): number =>
    hasFaults && random.chance(0.6) ? random.magnitude(0.005, most) : 0;
  const latency = (): number => random.magnitude(0.1, 60);
  const full = random.magnitude(1, 3000);
  const streams = random.chance(0.75);
  const badByte = hasFaults && random.chance(0.2) ? random.below(size) : -1;
  return {
    source: {
      latencyMs: latency(),
      faults: faults(0.7),
      pieceSize: Math.round(random.magnitude(regionSize / 4, 4 * regionSize)),
      streams,
      identity: world.identity,
      openedLength: random.chance(0.1) ? random.between(1, Math.min(size, 3 * regionSize)) : 0,
      zeros: random.chance(0.7) ? world.zeros : [],
      badByte,
    },
    destination: {
      latencyMs: latency(),
      faults: faults(0.2),
      readsAtOnce: random.chance(0.5),
      tears: random.chance(0.5),
      isNamed: random.chance(0.5),
      fullMs: hasFaults && random.chance(0.2) ? [full, full * 3] : [0, 0],
    },
    mapStore: { latencyMs: latency(), faults: faults(0.2) },
    options: {
      ...optionsOf(regionSize, badByte, random),
      // To a source that cannot stream a large request may take long.
      stallTimeoutMs: hasFaults && streams ? random.pick([300, 3000]) : 30_000,
    },
    users: random.between(1, 4),
    steps: random.between(1, 8),
    thinkMs: random.magnitude(1, 1500),
    aborts: random.chance(0.4) ? random.fraction() / 2 : 0,
    fua: random.chance(0.3) ? random.fraction() : 0,
    weights: weightsOf(random),
    crashAt:
      world.hasCrashes && badByte < 0 && random.chance(0.8)
        ? Math.round(random.magnitude(3, 600))
        : Number.POSITIVE_INFINITY,
    isPowerLost: random.chance(0.7),
    // What is bad for good is to hold back nothing else.
    isCompleted: badByte >= 0 || random.chance(0.4),
    isClosedEarly: random.chance(0.15),
    hasFaults,
  };
}

function optionsOf(regionSize: number, badByte: number, random: Random): Partial<CloneOptions> {
  return {
    regionSize,
    hydrationThreshold: random.pick([1, 1, 2, 3, 5, 16, 40]),
    hydrationBatchSize: random.pick([1, 1, 2, 3, 4, 16]),
    bytesPerSecond: random.chance(0.3)
      ? Math.round(random.magnitude(regionSize / 2, regionSize * 50))
      : 0,
    noHydration: random.chance(0.3),
    copyOnRead: random.chance(0.8),
    noDiscardPassdown: random.chance(0.2),
    readAround: random.pick([0, 0, regionSize, 4 * regionSize]),
    ownsSource: random.chance(0.5),
    retries: {
      demand: random.between(0, 3),
      background: random.between(0, 2),
      // What a source that cannot stream has of its regions before a bad one is found one by one.
      stallAfter: badByte < 0 ? random.between(2, 8) : 50,
      backoffMs: random.pick([1, 100]),
      maxBackoffMs: 1000,
    },
  };
}

/** Some seeds do much of one thing and nothing of another. */
function weightsOf(random: Random): Record<StepKind, number> {
  const often = (most: number): number => (random.chance(0.8) ? most * random.fraction() : 0);
  return {
    read: 0.1 + often(4),
    write: often(4),
    cover: often(1),
    overtake: often(1),
    discard: often(1.5),
    zero: often(0.7),
    flush: often(2),
    hydrate: often(1),
    pause: often(0.3),
    resume: often(0.3),
    configure: often(0.3),
    suspend: often(0.3),
    reconnect: often(0.3),
    look: often(0.5),
  };
}
