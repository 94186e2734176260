import {
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Command, type CommandResult, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";

const SIZE = 1_000_000;
/** Where the last region begins. */
const LAST = 983_040;

const test = suite<CommandContext>("map --check, --dump and --repair");
giveContext(test, SIZE);

function run({ folder }: CommandContext, ...args: string[]): Promise<CommandResult> {
  return runCommand(args, { cwd: folder.path });
}

/** The first two regions are here, and the last two. */
async function begin(context: CommandContext): Promise<void> {
  for (const range of ["0:65536", "-16000:16000"]) {
    const read = `--read=${range}`;
    const { code, stderr } = await run(context, context.url, "copy", read, "--no-hydration");
    assert.is(code, 0, stderr);
  }
}

/** Changes a byte of the bitmap in the slot that is not, or is, believed. */
function damage({ folder }: CommandContext, which: "newer" | "older" | "both"): void {
  const path = join(folder.path, "copy.headwater");
  const bytes = readFileSync(path);
  const slotSize = bytes.length / 2;
  const isOddNewer = bytes.readBigUInt64LE(slotSize + 16) > bytes.readBigUInt64LE(16);
  for (const slot of [0, 1]) {
    if (which !== "both" && (which === "newer") !== (isOddNewer === (slot === 1))) continue;
    const at = slot * slotSize + bytes.readUInt32LE(slot * slotSize + 12) - 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
  }
  writeFileSync(path, bytes);
}

test("--check tells a sound map, one to recover and one not to be believed apart", async (context) => {
  await begin(context);
  const sound = await run(context, "map", "--check", "copy");
  assert.is(sound.code, 0, sound.stderr);
  assert.match(sound.stdout.toString(), /copy\.headwater: sound\nslot 0: generation \d+, /);
  damage(context, "older");
  const recoverable = await run(context, "map", "--check", "copy");
  assert.is(recoverable.code, 7, recoverable.stderr);
  assert.match(recoverable.stdout.toString(), "the checksum of its");
  damage(context, "newer");
  const untrusted = await run(context, "map", "--check", "copy", "--json");
  assert.is(untrusted.code, 5, untrusted.stderr);
  const [state] = untrusted.json();
  assert.equal([state?.verdict, state?.believed], ["untrusted", null]);
});

test("--check of what is no copy ends with 1, and of data without its map with 5", async (context) => {
  assert.is((await run(context, "map", "--check", "other")).code, 1);
  await begin(context);
  const { path } = context.folder;
  const partial = readFileSync(join(path, "copy.partial"));
  writeFileSync(join(path, "other.partial"), partial);
  assert.is((await run(context, "map", "--check", "other")).code, 5);
});

test("a map is shown, checked and dumped with permission to read only", async (context) => {
  await begin(context);
  const { path } = context.folder;
  // Permissions do not bind root, who takes the place of somebody else.
  const uid = process.getuid?.() === 0 ? 65_534 : undefined;
  const as = { cwd: "/", ...(uid && { uid }) };
  if ((await runCommand(["--version"], as)).code !== 0) {
    console.log("skipped: nobody but root may run the command here");
    return;
  }
  chmodSync(join(path, "copy.headwater"), 0o444);
  chmodSync(path, 0o555);
  try {
    for (const way of [[], ["--check"], ["--dump"]]) {
      const { code, stderr } = await runCommand(["map", join(path, "copy"), ...way], as);
      assert.is(code, 0, stderr);
    }
  } finally {
    chmodSync(path, 0o700);
  }
});

test("looking takes no lock and makes no file", async (context) => {
  await begin(context);
  const { path } = context.folder;
  const before = { names: readdirSync(path), time: statSync(path).mtimeMs };
  for (const way of [[], ["--check"], ["--dump"]]) {
    assert.is((await run(context, "map", "copy", ...way)).code, 0);
  }
  assert.equal({ names: readdirSync(path), time: statSync(path).mtimeMs }, before);
});

test("--dump says everything of both slots", async (context) => {
  await begin(context);
  const [dump] = (await run(context, "map", "--dump", "copy")).json();
  const { verdict, believed, slots } = dump as {
    verdict: string;
    believed: number;
    slots: Record<string, unknown>[];
  };
  assert.is(verdict, "sound");
  const newer = slots[believed];
  assert.equal(newer?.hydrated, [
    { offset: 0, length: 131_072 },
    { offset: LAST, length: SIZE - LAST },
  ]);
  assert.equal(newer?.hydratedBytes, 131_072 + SIZE - LAST);
  assert.equal([newer?.size, newer?.regionSize, newer?.written], [SIZE, 65_536, []]);
  assert.is(slots[1 - believed]?.generation, Number(newer?.generation) - 1);

  const [bounded] = (await run(context, "map", "--dump", "copy", "--runs", "1")).json();
  const [slot] = (bounded as { slots: Record<string, unknown>[] }).slots.slice(believed);
  assert.equal([slot?.hydrated, slot?.allRuns], [[{ offset: 0, length: 131_072 }], false]);
});

test("--dump tells of a slot that cannot be read what is left of it", async (context) => {
  await begin(context);
  damage(context, "both");
  const { code, stdout } = await run(context, "map", "--dump", "copy");
  assert.is(code, 0);
  const { slots } = JSON.parse(stdout.toString()) as { slots: Record<string, unknown>[] };
  assert.equal(
    slots.map(({ state }) => state),
    ["torn", "torn"],
  );
  assert.is((slots[0] as { remains: { size: number } }).remains.size, SIZE);
});

test("--repair of a copy that was cut fetches only what was lost", async (context) => {
  await begin(context);
  truncateSync(join(context.folder.path, "copy.partial"), 990_000);
  const refused = await run(context, context.url, "copy");
  assert.is(refused.code, 5, refused.stderr);
  const { code, stdout, stderr } = await run(context, "map", "--repair", "copy");
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), `${SIZE - LAST} bytes from ${LAST} on are not counted as here`);
  assert.is((await run(context, "map", "--check", "copy")).code, 0);
  const again = await run(context, "map", "--repair", "copy");
  assert.match(again.stdout.toString(), "it is sound: nothing was changed\n");

  const { bytes } = await context.origin.counts();
  const resumed = await run(context, context.url, "copy", "--quiet");
  assert.is(resumed.code, 0, resumed.stderr);
  const copy = readFileSync(join(context.folder.path, "copy"));
  assert.ok(copy.equals(context.origin.bytes(7, 0, SIZE)), "the copy has other bytes");
  assert.ok((await context.origin.counts()).bytes - bytes <= SIZE - 131_072 + 65_536);
});

test("--repair refuses with 5 where data would be lost, unless it is given up", async (context) => {
  await begin(context);
  damage(context, "both");
  const refused = await run(context, "map", "--repair", "copy", "--json");
  assert.is(refused.code, 5);
  assert.match(refused.stderr, /^headwater: MAP_CORRUPT: [^\n]*--discard-local[^\n]*\n$/);
  const { code, stderr } = await run(context, "map", "--repair", "copy", "--discard-local");
  assert.is(code, 0, stderr);
  assert.equal(readdirSync(context.folder.path), []);
});

test("a copy that is being fetched is sound, and is not repaired", async (context) => {
  await context.origin.set("/blob", { bytesPerSecond: 100_000 });
  const fetching = new Command([context.url, "copy", "--json"], { cwd: context.folder.path });
  await fetching.until(/"percent":[1-9]/);
  for (let count = 0; count < 3; count += 1) {
    const { code, stdout } = await run(context, "map", "--check", "copy");
    assert.is(code, 0, stdout.toString());
    assert.match(stdout.toString(), /process \d+ on host [^\n]* has the copy open\n/);
  }
  const repair = await run(context, "map", "--repair", "copy");
  assert.is(repair.code, 5);
  assert.match(repair.stderr, "LOCKED");
  fetching.kill("SIGINT");
  assert.is((await fetching.result).code, 130);
});

test("ways that exclude each other are told", async (context) => {
  const mistakes = [
    ["--check --dump", "--check and --dump: choose one"],
    ["--discard-local", "--discard-local needs --repair"],
    ["--check --runs 3", "--runs needs --dump"],
    ["--dump --runs none", '--runs is "none"'],
  ] as const;
  for (const [args, complaint] of mistakes) {
    const { code, stderr } = await run(context, "map", "copy", ...args.split(" "));
    assert.is(code, 2, args);
    assert.match(stderr, complaint);
  }
});

test.run();
