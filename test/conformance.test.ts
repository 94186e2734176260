import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import { FileDevice, FileMapStore } from "../adapters/file/index.ts";
import { http } from "../adapters/http/index.ts";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import {
  destinationConformance,
  mapStoreConformance,
  patternBytes,
  sourceConformance,
} from "../adapters/testing/index.ts";
import { startOrigin } from "./origin/client.ts";

// Before any suite: uvu would run those that are ready while this waits.
const origin = await startOrigin();

/** A folder for one test, and what removes it. */
async function folder(): Promise<{ path: string; release: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "headwater-conformance-"));
  return { path, release: () => rm(path, { recursive: true }) };
}

const memorySource = suite("memory as a source");
sourceConformance(memorySource, {
  open: async (size) => {
    const bytes = patternBytes(size);
    return { bytes, device: new MemoryDevice(bytes.slice()) };
  },
});
memorySource.run();

const fileSource = suite("file as a source");
sourceConformance(fileSource, {
  open: async (size) => {
    const { path, release } = await folder();
    const bytes = patternBytes(size);
    await writeFile(join(path, "file"), bytes);
    return { bytes, device: await FileDevice.open(join(path, "file")), release };
  },
});
fileSource.run();

let blobCount = 0;
for (const head of [1, 1000, 2 ** 20]) {
  const httpSource = suite(`HTTP source, ${head} bytes with its opening`);
  httpSource.after(() => (head === 2 ** 20 ? origin.close() : undefined));
  sourceConformance(httpSource, {
    open: async (size) => {
      blobCount += 1;
      const path = `/conformance-${blobCount}`;
      const device = await http(origin.url(`${path}?size=${size}&seed=7`), { head }).open();
      return {
        device,
        bytes: origin.bytes(7, 0, size),
        hold: async () => {
          await origin.set(path, { latencyMs: 300 });
          return () => void origin.set(path);
        },
        release: () => origin.set(path), // whatever was let go meanwhile has come through
      };
    },
  });
  httpSource.run();
}

const memoryDestination = suite("memory as a destination");
destinationConformance(memoryDestination, {
  open: async (size) => ({ device: new MemoryDevice(size) }),
});
memoryDestination.run();

for (const synchronousReads of [0, 2 ** 20]) {
  const fileDestination = suite(`file as a destination, ${synchronousReads} bytes read at once`);
  destinationConformance(fileDestination, {
    sparse: true,
    open: async (size) => {
      const { path, release } = await folder();
      const file = join(path, "file");
      const device = await FileDevice.create(file, size, { synchronousReads });
      return { device, reopen: () => FileDevice.open(file, { writable: true }), release };
    },
  });
  fileDestination.run();
}

const memoryMapStore = suite("map store in memory");
mapStoreConformance(memoryMapStore, {
  open: async () => ({ store: new MemoryMapStore() }),
});
memoryMapStore.run();

const fileMapStore = suite("map store in a file");
mapStoreConformance(fileMapStore, {
  open: async () => {
    const { path, release } = await folder();
    const file = join(path, "map");
    const store = await FileMapStore.create(file, 2 ** 18);
    return { store, reopen: () => FileMapStore.open(file), release };
  },
});
fileMapStore.run();
