// Opens a clone, writes and reads, and says what was promised, until it is killed or everything
// is here.
import { writeSync } from "node:fs";
import { hydrate } from "../../adapters/hydrate.ts";
import { type Life, writeOf } from "./plan.ts";

const life = JSON.parse(process.argv[2] ?? "") as Life;
const say = (word: string): void => void writeSync(1, `${word}\n`);

say("began");
const clone = await hydrate(life.url, life.path, { regionSize: 16_384 });
say("opened");
const { offset, bytes } = writeOf(life);
await clone.write(offset, bytes);
say("written");
await clone.flush();
say("flushed");
for (let at = 0; at < life.size; at += 1_000_003) await clone.read(at, 4096);
await clone.hydrated();
say("hydrated");
await clone.close();
say("closed");
