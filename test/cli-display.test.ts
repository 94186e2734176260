import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fileNameOf, parseHeaders, parseReadRequest } from "../adapters/cli/command-line.ts";
import { UsageError } from "../adapters/cli/exit-codes.ts";
import { parseHydrateRequest } from "../adapters/cli/hydrate-request.ts";
import { LineReporter } from "../adapters/cli/line-reporter.ts";
import { columnsOf, fit, printable, shownUrl } from "../adapters/cli/printable.ts";
import { type BlockState, renderBlock } from "../adapters/cli/progress-block.ts";
import {
  formatBytes,
  formatDuration,
  formatPercent,
  parseSize,
} from "../adapters/cli/quantities.ts";
import { drawCells, type Paint, RegionPicture } from "../adapters/cli/region-picture.ts";
import type { Opened } from "../adapters/cli/reporter.ts";
import { TerminalReporter } from "../adapters/cli/terminal-reporter.ts";
import type { Progress } from "../lib/index.ts";

const test = suite("what the command shows and reads");

/** Shows the kind of each stretch by a letter. */
const lettered: Paint = (kind, text) => `${kind[0]}(${text})`;
const plain: Paint = (_, text) => text;

/** A blob of which these ranges are here. */
function hydrated(...ranges: readonly (readonly [offset: number, end: number])[]) {
  return (offset: number, length: number): number =>
    ranges.reduce((sum, [from, to]) => {
      return sum + Math.max(0, Math.min(to, offset + length) - Math.max(from, offset));
    }, 0);
}

function progressOf(part: Partial<Progress>): Progress {
  const size = 100 * 2 ** 20;
  const { percent = 42.19 } = part;
  return {
    percent,
    size,
    hydratedBytes: (size * percent) / 100,
    bytesPerSecond: 4 * 2 ** 20,
    etaMs: 14_500,
    requests: 17,
    bytesFetched: 0,
    state: "running",
    ...part,
  };
}

test("sizes are read in binary and decimal units", () => {
  const sizes = ["65536", "64KiB", "64K", "64k", "1.5MB", "2GiB", "0", "10 MB", "7B"];
  assert.equal(sizes.map(parseSize), [
    65_536,
    65_536,
    65_536,
    65_536,
    1_500_000,
    2 ** 31,
    0,
    10_000_000,
    7,
  ]);
  for (const wrong of ["", "-1", "1.5", "1e6", "5 apples", "9999999TiB", "0x10"]) {
    assert.throws(() => parseSize(wrong), /is not a size/);
  }
});

test("a quantity is never rounded up to the next unit", () => {
  assert.equal([0, 1023, 1024, 1_048_524, 1_048_525, 2 ** 40].map(formatBytes), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1023.9 KiB",
    "1.0 MiB",
    "1.0 TiB",
  ]);
  assert.equal(
    [0, 999, 1000, 9949, 9950, 59_499, 59_500, 3_599_499, 3_599_500].map(formatDuration),
    ["0 ms", "999 ms", "1.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min"],
  );
  assert.equal([99.99, 100].map(formatPercent), ["99.9 %", "100.0 %"]);
});

const MISTAKES: readonly (readonly [args: string, complaint: string])[] = [
  ["", "the URL is missing"],
  ["http://x/y a b", '"b" is one argument too many'],
  ["http://x/y --faster", "Unknown option '--faster'"],
  ["http://x/", "names no file"],
  ["big.bin?token=SECRET", '"big.bin" is not a URL'],
  ["http://x/y --region-size 5000", "power of two"],
  ["http://x/y --region-size much", '"much" is not a size'],
  ["http://x/y --threshold 0", "--threshold"],
  ["http://x/y --batch-size 1.5", "--batch-size"],
  ["http://x/y --read 5", "OFFSET:LENGTH"],
  ["http://x/y --read -8:8", "--read=-"],
  ["http://x/y --no-hydration", "needs --read"],
  ["http://x/y --header nonsense", '"Name: value"'],
  ["http://x/y --cert none.pem --key none.pem", "none.pem"],
];

test("what cannot be understood is told in one sentence", () => {
  for (const [args, complaint] of MISTAKES) {
    const words = args.split(" ").filter((word) => word !== "");
    const isTold = (error: Error): boolean =>
      error instanceof UsageError && error.message.includes(complaint);
    assert.throws(() => parseHydrateRequest(words), isTold, args);
  }
});

test("options reach the clone and its source", () => {
  const args =
    "http://h/y --limit-rate 1MB --threshold 3 --batch-size 2 --region-size 4KiB --stall-after 5 " +
    "--overwrite --revalidate --discard-local --allow-unvalidated --whole-pass --timeout 7";
  const { file, options } = parseHydrateRequest(args.split(" "));
  assert.is(file, "y");
  assert.equal(options, {
    overwrite: true,
    revalidate: true,
    discardLocal: true,
    noHydration: false,
    regionSize: 4096,
    hydrationThreshold: 3,
    hydrationBatchSize: 2,
    bytesPerSecond: 1_000_000,
    retries: { stallAfter: 5 },
    http: {
      tls: {},
      connectTimeoutMs: 7000,
      headersTimeoutMs: 7000,
      stallTimeoutMs: 7000,
      allowUnvalidated: true,
      wholePass: true,
    },
  });
});

test("a read request has an offset and a length", () => {
  assert.equal(parseReadRequest("1KiB:2K"), { offset: 1024, length: 2048 });
  assert.equal(parseReadRequest("-8:8"), { offset: -8, length: 8 });
  for (const wrong of ["5", ":", "1:", ":1", "1:2:3", "--1:2"]) {
    assert.throws(() => parseReadRequest(wrong));
  }
});

test("headers keep colons and repeated names, and a bad one is not told", () => {
  const headers = parseHeaders(["A: b:c", "X-Y:1", "x-y: 2"]);
  assert.equal(headers, { a: "b:c", "x-y": "1, 2" });
  assert.throws(
    () => parseHeaders(["X-Token: SECRET\nmore"]),
    (error: Error) => !error.message.includes("SECRET"),
  );
});

test("a file name from a URL stays in the folder and harms no shell", () => {
  const names = ["a.bin?q=1", "x/%2e%2e%2fetc%2fpasswd", "a%00b", "%ff", "a%5Cb", "%E2%80%AEb"];
  assert.equal(
    names.map((name) => fileNameOf(new URL(`http://h/${name}`))),
    ["a.bin", ".._etc_passwd", "a_b", "%ff", "a_b", "_b"],
  );
  for (const none of ["http://h", "http://h/a/", "http://h/a/..", "http://h/%2e%2e%2f%2e"]) {
    if (none.endsWith("%2e")) assert.is(fileNameOf(new URL(none)), ".._.");
    else assert.throws(() => fileNameOf(new URL(none)), /names no file/);
  }
});

test("what a terminal would obey is shown as a number", () => {
  assert.is(
    printable("a\x1b[2Jb\u202ec\u2028\x9b\ud800"),
    "a\\u{1b}[2Jb\\u{202e}c\\u{2028}\\u{9b}\\u{d800}",
  );
  assert.is(printable("größe 文件 👍"), "größe 文件 👍");
});

test("a URL is shown without what may be secret", () => {
  assert.is(shownUrl("https://user:pass@h:8/p?token=1#x"), "https://h:8/p");
  assert.is(shownUrl("not a url?token=1"), "not a url");
});

test("text is cut to the columns that it takes", () => {
  assert.equal(["文件", "e\u0301", "ab"].map(columnsOf), [4, 1, 2]);
  assert.equal(
    [fit("文件名", 6), fit("文件名", 5), fit("abc", 2), fit("abc", 0)],
    ["文件名", "文件…", "a…", ""],
  );
});

test("the picture shows why each part is here, and how much of it", () => {
  const here: [number, number][] = [[0, 250]];
  const picture = new RegionPicture(1000, (offset, length) => hydrated(...here)(offset, length));
  here.push([250, 450], [800, 850]);
  picture.landed({ offset: 250, length: 200, class: "background" });
  picture.landed({ offset: 800, length: 50, class: "demand" });
  // The third part came half earlier and half now.
  assert.is(drawCells(picture.cells(10), lettered), "e(███)b(█▄)e(···)d(▄)e(·)");
});

test("a full block is shown only where every byte is here", () => {
  const picture = new RegionPicture(1000, hydrated([0, 1], [100, 199], [200, 300]));
  assert.is(drawCells(picture.cells(10), plain), "▁▇█·······");
});

test("a small read in a large part gives it its colour", () => {
  const picture = new RegionPicture(8000, () => 0);
  const shown = new RegionPicture(8000, hydrated([0, 800]));
  assert.is(drawCells(picture.cells(1), lettered), "e(·)");
  shown.landed({ offset: 100, length: 100, class: "demand" });
  assert.is(drawCells(shown.cells(1), lettered), "d(▁)");
});

test("a picture has no more cells than there are bytes", () => {
  assert.is(new RegionPicture(3, hydrated([0, 3])).cells(80).length, 3);
  assert.equal(new RegionPicture(0, hydrated()).cells(80), []);
});

test("a picture of any size and width is whole when the blob is", () => {
  for (const size of [1, 2, 1023, 1024, 1025, 65_537, 2 ** 40 + 1]) {
    const picture = new RegionPicture(size, hydrated([0, size]));
    for (const width of [1, 7, 77, 500]) {
      const cells = picture.cells(width);
      assert.ok(
        cells.every(({ filled }) => filled === 1),
        `${size} bytes in ${width} cells`,
      );
    }
  }
});

test("the block has figures, picture and legend, none wider than the terminal", () => {
  const picture = new RegionPicture(1000, hydrated([0, 420]));
  const cells = (count: number) => picture.cells(count);
  const state: BlockState = { name: "big.bin", progress: progressOf({}), cells, note: "" };
  const [figures, drawn, legend] = renderBlock(state, 80, plain);
  assert.is(figures, "big.bin  42.1 %  42.2 MiB of 100.0 MiB  4.0 MiB/s  15 s left  17 requests");
  assert.match(drawn ?? "", /^▕█{32}▃·{44}▏$/);
  assert.is(legend, " █ here before  · missing");
  const noted = renderBlock({ ...state, note: "trouble ".repeat(20) }, 80, plain);
  assert.match(noted[2] ?? "", /^trouble .*…$/);
  for (let columns = 1; columns < 120; columns += 1) {
    for (const shown of [state, { ...state, name: "文".repeat(50), note: "trouble ".repeat(20) }]) {
      const wide = renderBlock(shown, columns, plain).filter((line) => columnsOf(line) > columns);
      assert.equal(columns < 4 ? [] : wide, [], `${columns} columns`);
    }
  }
});

const opened: Opened = {
  file: "big.bin",
  size: 100 * 2 ** 20,
  regionSize: 65_536,
  hydratedBytes: 0,
  identity: "it",
  picture: new RegionPicture(1000, hydrated()),
};

test("plain lines come at each tenth, and after ten seconds without one", () => {
  const lines: string[] = [];
  let now = 0;
  const reporter = new LineReporter(
    (line) => lines.push(line),
    () => now,
  );
  reporter.opened(opened);
  for (const percent of [1, 9.9, 10, 11, 35, 39]) reporter.progress(progressOf({ percent }));
  now = 10_000;
  reporter.progress(progressOf({ percent: 39.5 }));
  assert.equal(
    lines.map((line) => line.split("  ")[0]?.trim()),
    ["big.bin: 100.0 MiB", "10.0 %", "35.0 %", "39.5 %"],
  );
});

test("the block is drawn over itself, and what is said stays above it", () => {
  const written: string[] = [];
  const screen = { columns: 60, write: (text: string) => written.push(text) };
  const reporter = new TerminalReporter(screen, plain);
  reporter.opened(opened);
  reporter.progress(progressOf({ percent: 1 }));
  reporter.progress(progressOf({ percent: 2 }));
  reporter.ended({ event: "interrupted", signal: "SIGINT", file: "big.bin" });
  assert.is(written[0], "\x1b[Jbig.bin: 100.0 MiB\n");
  assert.ok(written[1]?.startsWith("big.bin  1.0 %"), written[1]);
  assert.ok(written[2]?.startsWith("\x1b[3Abig.bin  2.0 %"), written[2]);
  assert.is(written[2]?.split("\x1b[K\n").length, 4); // three lines, each cleared to its end
  assert.is(written[3], "\x1b[Jstopped; run the same command again to go on from there\n");
});

test.run();
