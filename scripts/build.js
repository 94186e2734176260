// Compiles everything into `dist`, and first removes what no longer has a source: a stale test
// must not run, and a stale module must not be packed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");

const files = existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : [];
for (const file of files) {
  if (!file.isFile() || file.name === ".tsbuildinfo") continue;
  const path = join(file.parentPath, file.name);
  const stem = relative(dist, path).replace(/(\.d\.ts|\.js)(\.map)?$/, "");
  if (!existsSync(join(root, `${stem}.ts`))) rmSync(path);
}

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "--project", root], { stdio: "inherit" });
process.exitCode = status ?? 1;
