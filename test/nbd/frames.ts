import { COMMAND, OPTION, REQUEST_SIZE } from "../../adapters/nbd/protocol.ts";
import { counted, goBytes, optionBytes, requestBytes } from "./raw-client.ts";

/** Gives a number from 0 to before `count`. */
export type Random = (count: number) => number;

const GO: Buffer = goBytes("prey");
const COMMANDS: readonly number[] = Object.values(COMMAND);
const OPTIONS: readonly number[] = Object.values(OPTION);
/** Where mistakes live. */
const EDGES: readonly number[] = [
  0,
  1,
  27,
  511,
  4096,
  65_535,
  65_536,
  2 ** 20,
  2 ** 31,
  2 ** 32 - 1,
];

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

function pick<Item>(random: Random, items: readonly Item[], otherwise: Item): Item {
  return items[random(items.length)] ?? otherwise;
}

/** A few of the bytes are others, or missing, or too many. */
function mutated(random: Random, frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  for (let count = random(4); count > 0 && copy.length > 0; count -= 1) {
    copy[random(copy.length)] = random(256);
  }
  const kind = random(8);
  if (kind === 0) return copy.subarray(0, random(copy.length + 1));
  if (kind === 1) return Buffer.concat([copy, bytes(random, random(64))]);
  return copy;
}

function option(random: Random): Buffer {
  const kind = random(6);
  if (kind === 0) return bytes(random, random(64));
  if (kind === 1) return optionBytes(random(20), bytes(random, random(100)));
  const name = counted(pick(random, ["prey", "", "none"], ""));
  const count = Buffer.alloc(4);
  count.writeUInt32BE(pick(random, [0, 1, 2, 2 ** 32 - 1], 0));
  const queries = [counted("base:allocation"), counted("x-headwater:"), bytes(random, 8)];
  const some = queries.slice(0, random(4));
  const data = [
    Buffer.alloc(0),
    Buffer.concat([name, Buffer.alloc(2)]),
    Buffer.concat([name, count, ...some]),
  ];
  const whole = optionBytes(pick(random, OPTIONS, 3), pick(random, data, name));
  return kind < 4 ? whole : mutated(random, whole);
}

/** Sound in most of its parts, or in none. */
export function requestFrame(random: Random): Buffer {
  const kind = random(40);
  if (kind === 0) return bytes(random, random(100));
  const type = random(10) === 0 ? random(2 ** 16) : pick(random, COMMANDS, 0);
  const isWrite = type === COMMAND.write;
  const payload = isWrite
    ? Buffer.alloc(random(4) === 0 ? random(100_000) : random(600))
    : undefined;
  const length = random(2) === 0 ? random(2000) : pick(random, EDGES, 1);
  const frame = requestBytes(
    {
      type: type === COMMAND.disconnect && random(5) > 0 ? COMMAND.read : type,
      flags: random(3) === 0 ? random(64) : 0,
      offset: random(6) === 0 ? pick(random, EDGES, 0) * 1000 : random(2 ** 20),
      ...(payload === undefined ? { length } : { payload }),
    },
    random(2 ** 31),
  );
  if (kind < 3) return mutated(random, frame);
  // A header whose payload is shorter than it says.
  return kind === 3 && isWrite ? frame.subarray(0, REQUEST_SIZE + random(100)) : frame;
}

/** What one client sends, frame by frame. */
export function* session(random: Random): Generator<Buffer> {
  yield random(30) === 0 ? bytes(random, 4) : Buffer.from([0, 0, 0, 3]);
  const options = random(3) === 0 ? random(6) : 0;
  for (let count = options; count > 0; count -= 1) yield option(random);
  if (random(4) === 0) yield optionBytes(OPTION.structuredReply);
  if (random(10) > 0) yield GO;
  for (let count = random(120); count > 0; count -= 1) yield requestFrame(random);
}
