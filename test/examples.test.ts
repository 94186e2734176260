import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { patternBytes } from "../adapters/testing/index.ts";
import { flightsFile } from "../examples/flights.ts";
import { type ServedFile, serveFile } from "../examples/serve-file.ts";
import { makeFolder } from "./cli-command.ts";
import { LyingOrigin } from "./devices/lying-origin.ts";
import { make } from "./manifests.ts";
import { findProgram } from "./programs.ts";

interface Context {
  folder: ReturnType<typeof makeFolder>;
}

const test = suite<Context>("examples");

test.before.each((context) => {
  context.folder = makeFolder();
});

test.after.each(({ folder }) => folder.remove());

/** An example that is running. */
class Example {
  readonly child: ChildProcess;
  /** What it wrote, once it has ended well. */
  readonly output: Promise<string>;
  #written = "";

  constructor(name: string, ...args: string[]) {
    const program = fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url));
    this.child = fork(program, args, { silent: true });
    this.child.stdout?.on("data", (piece: Buffer) => {
      this.#written += piece;
    });
    this.child.stderr?.pipe(process.stderr);
    this.output = once(this.child, "close").then(([code, signal]) => {
      assert.ok(code === 0 || signal === "SIGKILL", `${name} ended with ${code ?? signal}`);
      return this.#written;
    });
  }

  /** Resolves with what is found, once it was written. */
  async until(text: RegExp): Promise<string> {
    while (true) {
      const [found] = text.exec(this.#written) ?? [];
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) throw new Error(`it ended without ${text}`);
      await Promise.race([once(this.child.stdout ?? this.child, "data"), this.output]);
    }
  }
}

test("a blob over HTTP is read, watched and ends as a file", async ({ folder }) => {
  await using served = await serveFile(flightsFile());
  const file = join(folder.path, "flights");
  const output = await new Example("http-blob", served.url, file).output;
  assert.match(output, "13493022 bytes; the first are PAR1\n");
  assert.match(output, "100.0 % here");
  assert.ok(readFileSync(file).equals(readFileSync(flightsFile())));
});

test("a Parquet file answers before it is here", async ({ folder }) => {
  await using served = await serveFile(flightsFile(), { bytesPerSecond: 8_000_000 });
  const file = join(folder.path, "flights");
  const output = await new Example("parquet-query", served.url, file).output;
  assert.match(output, /column: 'delay',\s+rowCount: 272727,\s+totalRowCount: 3000000/);
  const share = Number(/([\d.]+) % was here when/.exec(output)?.[1]);
  assert.ok(share > 0 && share < 100, output);
  assert.is((await served.counts()).bytes, 13_493_022);
  assert.ok(readFileSync(file).equals(readFileSync(flightsFile())));
});

test("programs that read URLs read a file that is still arriving", async ({ folder }) => {
  await using served = await serveFile(flightsFile(), { bytesPerSecond: 8_000_000 });
  const file = join(folder.path, "flights.parquet");
  const example = new Example("loopback-server", served.url, file);
  const url = await example.until(/http:\S+\/flights\.parquet/);
  const ask = async (range: string): Promise<Buffer> => {
    const response = await fetch(url, { headers: { range } });
    assert.is(response.status, 206);
    return Buffer.from(await response.arrayBuffer());
  };
  const content = readFileSync(flightsFile());
  assert.is((await ask("bytes=-4")).toString(), "PAR1");
  assert.ok((await ask("bytes=6000000-8999999")).equals(content.subarray(6e6, 9e6)));
  const curl = findProgram("curl");
  if (curl !== undefined) {
    const whole = spawnSync(curl, ["-sSf", url], { maxBuffer: 2e7, timeout: 60_000 });
    assert.ok(whole.stdout.equals(content), String(whole.stderr));
  }
  example.child.kill("SIGTERM");
  const sent = curl === undefined ? "2 requests, 3000004" : "3 requests, 16493026";
  assert.match(await example.output, new RegExp(`${sent} bytes sent, \\d+ bytes fetched`));
  assert.ok((await served.counts()).bytes <= content.length);
});

test("a source of one's own is read and hydrated", async ({ folder }) => {
  const file = join(folder.path, "song");
  const output = await new Example("custom-source", file).output;
  assert.match(output, "the middle verse: Row, row, row your boat");
  assert.match(output, "each byte 1 time");
  const verse = "Row, row, row your boat, gently down the stream.\n";
  assert.ok(readFileSync(file).equals(Buffer.alloc(1_000_000 * verse.length, verse)));
});

test("a file is verified by its manifest, and brought to the next one", async ({ folder }) => {
  const bytes = patternBytes(1_000_000);
  await using origin = new LyingOrigin(bytes);
  const url = await origin.open();
  const [place, file] = [join(folder.path, "manifest"), join(folder.path, "file")];
  writeFileSync(place, await make(bytes, { blockSize: 65_536 }));
  const first = await new Example("verified", url, place, file).output;
  assert.match(first, /1000000 bytes in blocks of 65536, root \w{64}\n/);
  assert.match(first, "is whole and right, after 1000000 bytes");

  const next = bytes.slice();
  next.fill(0, 300_000, 300_010);
  writeFileSync(place, await make(next, { blockSize: 65_536 }));
  Object.assign(origin, { bytes: next, etag: '"next"' });
  const second = await new Example("verified", url, place, file).output;
  assert.match(second, "934464 bytes of the copy are still right");
  assert.match(second, "is whole and right, after 65536 bytes");
  assert.ok(readFileSync(file).equals(next));
});

test("a killed run is gone on with", async ({ folder }) => {
  await using served = await serveFile(flightsFile(), { bytesPerSecond: 8_000_000 });
  const file = join(folder.path, "flights");
  const first = new Example("resume", served.url, file);
  await first.until(/safe/);
  first.child.kill("SIGKILL");
  const safe = Number(/safe (\d+)/.exec(await first.output)?.[1]);
  const output = await new Example("resume", served.url, file).output;
  const found = Number(/found (\d+) bytes/.exec(output)?.[1]);
  assert.ok(found >= safe, `${found} found of ${safe} that were safe`);
  assert.match(output, `whole after ${13_493_022 - found} bytes in this run`);
  assert.ok(readFileSync(file).equals(readFileSync(flightsFile())));
});

/** A database that the examples can make themselves, on a slow server. */
async function servePlaces(folder: string): Promise<{ served: ServedFile; bytes: Buffer }> {
  const original = join(folder, "original.db");
  await new Example("places", original).output;
  const served = await serveFile(original, { bytesPerSecond: 2_000_000 });
  return { served, bytes: readFileSync(original) };
}

test("a database answers before it is here, and ends as a file", async ({ folder }) => {
  const { served, bytes } = await servePlaces(folder.path);
  await using _ = served;
  const file = join(folder.path, "places.db");
  const sql = "select county from place where zip = '94103'";
  const output = await new Example("sqlite-query", served.url, file, sql).output;
  assert.match(output, "[ { county: 'San Francisco' } ]");
  const share = Number(/([\d.]+) % was here when/.exec(output)?.[1]);
  assert.ok(share < 100, output);
  assert.ok(readFileSync(file).equals(bytes));
});

test("a replica answers as it is and as it was", async ({ folder }) => {
  const fixture = fileURLToPath(new URL("../../test/fixtures/ltx/small", import.meta.url));
  const file = join(folder.path, "app.db");
  const ask = (...at: string[]): Promise<string> => {
    const args = [pathToFileURL(fixture).href, file, "select count(*) as n from t", ...at];
    return new Example("litestream-query", ...args).output;
  };
  assert.match(await ask("3"), /txid=0000000000000003\n\[ \{ n: 200 \} \]\nrestored to .*app\.db/);
  assert.match(await ask(), /txid=0000000000000008\n\[ \{ n: 155 \} \]\n/);
});

test("Kysely asks a database that is still arriving", async ({ folder }) => {
  const { served } = await servePlaces(folder.path);
  await using _ = served;
  const output = await new Example("kysely", served.url, join(folder.path, "places.db")).output;
  assert.match(output, "{ state: 'IL', places: 39 }");
});

test("a server answers from a database while it arrives", async ({ folder }) => {
  const { served } = await servePlaces(folder.path);
  await using _ = served;
  const example = new Example("api-server", served.url, join(folder.path, "places.db"));
  const url = await example.until(/http:\S+/);
  const places = (await (await fetch(url)).json()) as unknown[];
  assert.is(places.length, 110);
  const status = await (await fetch(new URL("/status", url))).json();
  assert.is((status as { size: number }).size, 3_637_248);
  example.child.kill("SIGTERM");
  await example.output;
});

test("the demo kills, resumes, and fetches each byte once", async () => {
  const output = await new Example("demo").output;
  const answers = output.match(/first answer .*: delay of the first 272,727 rows: .*/g) ?? [];
  assert.is(answers.length, 2, output);
  assert.match(output, /kill -9 +in the middle/);
  assert.match(output, /sha256 +\w{16}…, the same/);
  assert.match(output, "1.00 (13,493,022 / 13,493,022) of what was kept");
});

test("the demo takes any URL", async () => {
  const file = join(dirname(flightsFile()), "flights-2k.json");
  await using served = await serveFile(file, { bytesPerSecond: 200_000 });
  const output = await new Example("demo", served.url).output;
  assert.is(output.match(/first answer .*: head \w+, middle \w+, tail \w+/g)?.length, 2, output);
  assert.match(output, /sha256 +\w{16}…, the same/);
});

test.run();
