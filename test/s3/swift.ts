import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { findProgram } from "../programs.ts";
import { accepts, freePorts } from "./ports.ts";
import { Processes } from "./processes.ts";
import type { S3Server } from "./server.ts";

const KINDS = ["account", "container", "object"] as const;

const PROGRAMS = [
  "memcached",
  "swift-proxy-server",
  ...KINDS.map((kind) => `swift-${kind}-server`),
];

/**
 * Starts OpenStack Swift, which speaks S3 by its s3api: one node, one replica, its state in a
 * folder of its own. Undefined where it is not installed.
 */
export async function startSwift(): Promise<S3Server | undefined> {
  const programs = new Map<string, string>();
  for (const name of PROGRAMS) {
    const path = findProgram(name);
    if (path === undefined) return undefined;
    programs.set(name, path);
  }
  const folder = await mkdtemp(join(tmpdir(), "headwater-swift-"));
  const ports = await freePorts(5);
  const [proxy = 0, memcached = 0, ...others] = ports;
  await configure(folder, proxy, memcached, others);
  const processes = new Processes();
  const run = (name: string, ...args: string[]): void =>
    processes.start(programs.get(name) ?? name, args);
  run("memcached", "-l", "127.0.0.1", "-p", `${memcached}`, "-u", userInfo().username, "-m", "32");
  for (const kind of KINDS) run(`swift-${kind}-server`, join(folder, `${kind}-server.conf`));
  run("swift-proxy-server", join(folder, "proxy-server.conf"));
  const endpoint = `http://127.0.0.1:${proxy}`;
  await processes.wait("Swift", async () => {
    for (const port of ports) await accepts(port);
    return (await fetch(`${endpoint}/healthcheck`)).ok;
  });
  return {
    endpoint,
    credentials: { accessKeyId: "test:tester", secretAccessKey: "testing" },
    stop: async () => {
      await processes.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function configure(
  folder: string,
  proxy: number,
  memcached: number,
  ports: readonly number[],
): Promise<void> {
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  await mkdir(join(folder, "devices", "d1"), { recursive: true });
  await write("swift.conf", HASHES);
  for (const [index, kind] of KINDS.entries()) {
    await write(`${kind}-server.conf`, serverConfiguration(folder, kind, ports[index] ?? 0));
  }
  await write("proxy-server.conf", proxyConfiguration(folder, proxy, memcached));
  const made = spawnSync("/usr/bin/python3", ["-c", RINGS, folder, ...ports.map(String)]);
  if (made.status !== 0) throw new Error(`no rings for Swift: ${made.stderr}`);
}

const HASHES = `
[swift-hash]
swift_hash_path_prefix = headwater
swift_hash_path_suffix = headwater
[storage-policy:0]
name = gold
default = yes
`;

/** Where everything lies: on the one device that there is. */
const RINGS = `
import sys
from swift.common.ring import RingBuilder
for port, name in zip(sys.argv[2:], ("account", "container", "object")):
    ring = RingBuilder(4, 1, 0)
    at = dict(ip="127.0.0.1", port=int(port), replication_ip="127.0.0.1", replication_port=int(port))
    ring.add_dev(dict(id=0, region=1, zone=1, device="d1", weight=1.0, meta="", **at))
    ring.rebalance()
    ring.get_ring().save(sys.argv[1] + "/" + name + ".ring.gz")
`;

const PIPELINE =
  "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo proxy-server";

function common(folder: string, port: number): string {
  return `
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
swift_dir = ${folder}
devices = ${folder}/devices
mount_check = false
user = ${userInfo().username}
workers = 0
log_level = ERROR
disable_fallocate = true
`;
}

function serverConfiguration(folder: string, kind: string, port: number): string {
  return `${common(folder, port)}
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

function proxyConfiguration(folder: string, port: number, memcached: number): string {
  const filters = ["catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk"];
  const plain = [...filters, "slo", "dlo"].map(
    (name) => `[filter:${name}]\nuse = egg:swift#${name}`,
  );
  return `${common(folder, port)}
[pipeline:main]
pipeline = ${PIPELINE}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
${plain.join("\n")}
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memcached}
[filter:s3api]
use = egg:swift#s3api
s3_acl = no
location = us-east-1
dns_compliant_bucket_names = yes
allow_multipart_uploads = yes
check_bucket_owner = no
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
storage_url_scheme = http
`;
}
