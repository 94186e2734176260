import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { hasCode } from "./file-error.ts";

/**
 * A process, so that another one can tell whether it still runs. What a system does not tell is
 * the empty string.
 */
export interface ProcessIdentity {
  readonly host: string;
  /** Of the installation: two hosts may have the same name. */
  readonly machineId: string;
  /** Another one after each boot. */
  readonly bootId: string;
  /** In which `pid` counts: a container has its own. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** A pid is used again; with this it is not mistaken. */
  readonly startTime: string;
}

/** What the system says of a process now: undefined when there is none, else its start time. */
export type LookUpProcess = (pid: number) => { readonly startTime: string } | undefined;

export function identifyProcess(): ProcessIdentity {
  return {
    host: hostname(),
    machineId: readLine("/etc/machine-id"),
    bootId: readLine("/proc/sys/kernel/random/boot_id"),
    pidNamespace: readLink("/proc/self/ns/pid"),
    pid: process.pid,
    startTime: lookUpProcess(process.pid)?.startTime ?? "",
  };
}

/**
 * Whether `other` surely runs no more, as seen by `self`. Never by age: a suspended process is
 * still there. A process that cannot be seen from here is not provably dead.
 */
export function isProvablyDead(
  other: ProcessIdentity,
  self: ProcessIdentity,
  lookUp: LookUpProcess = lookUpProcess,
): boolean {
  if (other.bootId !== self.bootId) {
    // The same machine, booted since. Without an id of the machine it may be another one.
    const known = other.bootId !== "" && self.bootId !== "" && self.machineId !== "";
    return known && other.machineId === self.machineId && other.host === self.host;
  }
  // The same boot is the same machine, whatever it calls itself now.
  if (self.bootId === "" && other.host !== self.host) return false;
  if (other.pidNamespace !== self.pidNamespace) return false;
  const found = lookUp(other.pid);
  if (found === undefined) return true;
  return other.startTime !== "" && found.startTime !== "" && found.startTime !== other.startTime;
}

/** Says no process only of one that holds nothing any more. */
export function lookUpProcess(pid: number): { readonly startTime: string } | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Not permitted to signal it means that it is there.
    if (hasCode(error, "ESRCH")) return undefined;
  }
  return process.platform === "linux" ? lookUpInProc(pid) : { startTime: startTimeFromPs(pid) };
}

function lookUpInProc(pid: number): { readonly startTime: string } | undefined {
  const stat = readLine(`/proc/${pid}/stat`);
  // The second field is a name in parentheses, which may hold any character; the third follows.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, startTime = ""] = [fields[0], fields[17], fields[19]];
  // A zombie without other threads has let go of its files and only waits to be asked for.
  if (state === "Z" && threads !== undefined && Number(threads) <= 1) return undefined;
  return { startTime };
}

function startTimeFromPs(pid: number): string {
  try {
    const environment = { ...process.env, LC_ALL: "C", TZ: "UTC" };
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: environment,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return ""; // it cannot be told, so only the pid counts
  }
}

function readLine(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
