import dns from "node:dns";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { Clone } from "../lib/index.ts";
import { startOrigin } from "./origin/client.ts";
import { failureOf } from "./origin/spent.ts";

const test = suite("http names");

const SIZE = 500_000;
const origin = await startOrigin();

test.after(() => origin.close());

/** Every name that is looked up meanwhile cannot be resolved, as Node itself reports that. */
async function withoutNames<Result>(run: () => Promise<Result>): Promise<Result> {
  const { lookup } = dns;
  const refused = (name: string, _: unknown, done: (error: Error) => void): void => {
    done(Object.assign(new Error(`getaddrinfo EAI_AGAIN ${name}`), { code: "EAI_AGAIN" }));
  };
  dns.lookup = refused as unknown as typeof lookup;
  try {
    return await run();
  } finally {
    dns.lookup = lookup;
  }
}

/** The origin by its name, and so that every read needs a connection of its own. */
async function openByName(path: string): ReturnType<ReturnType<typeof http>["open"]> {
  await origin.set(path, { headers: { connection: "close" }, cut: { after: 200_000, how: "end" } });
  const url = origin.url(`${path}?size=${SIZE}&seed=7`).replace("127.0.0.1", "localhost");
  return http(url).open();
}

test("a name that is none cannot be opened, which may be tried again", async () => {
  const error = await failureOf(http("http://headwater.invalid/blob").open());
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, true);
  assert.match(error.message, /EAI_AGAIN|ENOTFOUND/);
});

test("a name that is lost ends reads, and they go on when it is found again", async () => {
  await using source = await openByName("/lost");
  const destination = new MemoryDevice(SIZE);
  const retries = { demand: 1, backoffMs: 1 };
  await using clone = await Clone.open({ source, destination, retries, noHydration: true });
  const error = await withoutNames(() => failureOf(clone.read(300_000, 1000)));
  assert.is(error.code, "SOURCE_FAILED");
  assert.match(error.message, "EAI_AGAIN");
  assert.equal(await clone.read(300_000, 1000), origin.bytes(7, 300_000, 1000));
});

test.run();
