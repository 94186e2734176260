import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type ReadOptions } from "../lib/index.ts";

const test = suite("many readers");

const REGION = 4096;
const REGIONS = 40;
const original = patternBytes(REGIONS * REGION);

/** A source that listens to every signal that it is given. */
class ListeningSource extends MemoryDevice {
  constructor() {
    super(original, { pause: () => new Promise(setImmediate) });
  }

  override async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    const listen = (): void => {};
    options.signal?.addEventListener("abort", listen);
    try {
      return await super.read(offset, length, options);
    } finally {
      options.signal?.removeEventListener("abort", listen);
    }
  }
}

for (const copyOnRead of [true, false]) {
  test(`as many as there are, without a warning, with copyOnRead ${copyOnRead}`, async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): number => warnings.push(warning);
    process.on("warning", warn);
    await using clone = await Clone.open({
      source: new ListeningSource(),
      destination: new MemoryDevice(original.length),
      regionSize: REGION,
      noHydration: true,
      readAround: 0,
      copyOnRead,
    });
    const { signal } = new AbortController(); // of one user for half of them
    const reads = Array.from({ length: REGIONS }, (_, region) =>
      clone.read(region * REGION, 10, region % 2 === 0 ? { signal } : {}),
    );
    for (const [region, bytes] of (await Promise.all(reads)).entries()) {
      assert.equal(bytes, original.slice(region * REGION, region * REGION + 10));
    }
    const ranges = [{ offset: 0, length: original.length }];
    await Promise.all(reads.map(() => clone.hydrate({ ranges, signal })));
    await new Promise(setImmediate);
    process.off("warning", warn);
    assert.equal(warnings, []);
  });
}

test.run();
