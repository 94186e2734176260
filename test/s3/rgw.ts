import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { findProgram } from "../programs.ts";
import { freePorts } from "./ports.ts";
import { Processes } from "./processes.ts";
import type { S3Server } from "./server.ts";

const PROGRAMS = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool"];

const CREDENTIALS = { accessKeyId: "TESTKEY", secretAccessKey: "TESTSECRET" } as const;

/**
 * Starts Ceph with its S3 gateway: one monitor, one store in memory, one gateway. It can put on a
 * condition. Undefined where it is not installed (radosgw ceph-mon ceph-osd ceph-common).
 */
export async function startRgw(): Promise<S3Server | undefined> {
  if (PROGRAMS.some((name) => findProgram(name) === undefined)) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "headwater-rgw-"));
  const [gateway = 0, v2 = 0, v1 = 0, others = 0] = await freePorts(4);
  const id = randomUUID();
  for (const name of ["mon", "osd"]) await mkdir(join(folder, name));
  const conf = join(folder, "ceph.conf");
  await writeFile(conf, configuration(folder, id, { gateway, v2, v1, others }));
  const keyring = join(folder, "keyring");
  const env = { ...process.env, CEPH_CONF: conf };
  const run = async (program: string, ...args: string[]): Promise<string> =>
    (await promisify(execFile)(program, args, { env, timeout: 60_000 })).stdout;
  const processes = new Processes();
  const start = (program: string, ...args: string[]): void =>
    processes.start(program, args, { CEPH_CONF: conf });

  const all = ["--cap", "mon", "allow *"];
  await run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", ...all);
  const more = ["--cap", "osd", "allow *", "--cap", "mgr", "allow *"];
  await run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", ...all, ...more);
  const addresses = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`;
  const map = join(folder, "monmap");
  await run("monmaptool", "--create", "--addv", "a", addresses, "--fsid", id, map);
  await run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map, "--keyring", keyring);
  start("ceph-mon", "-i", "a", "-f");
  const osd = randomUUID();
  await run("ceph", "--connect-timeout", "50", "osd", "new", osd);
  const caps = ["mon", "allow profile osd", "osd", "allow *"];
  await appendFile(keyring, await run("ceph", "auth", "get-or-create", "osd.0", ...caps));
  await run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd);
  start("ceph-osd", "-i", "0", "-f");
  while (!(await run("ceph", "osd", "stat")).includes("1 up")) await sleep(200);
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const keys = [`--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`];
  await run("radosgw-admin", "user", "create", "--uid=t", "--display-name=t", ...keys);
  start("radosgw", "-n", "client.admin", `--rgw-data=${folder}`, "-f");
  const endpoint = `http://127.0.0.1:${gateway}`;
  await processes.wait("Ceph's gateway", async () => (await fetch(endpoint)).status < 500);
  return {
    endpoint,
    credentials: CREDENTIALS,
    stop: async () => {
      await processes.stop();
      await rm(folder, { recursive: true });
    },
  };
}

interface Ports {
  readonly gateway: number;
  readonly v2: number;
  readonly v1: number;
  /** The first of those of the store. */
  readonly others: number;
}

function configuration(folder: string, id: string, { gateway, v2, v1, others }: Ports): string {
  return `
[global]
fsid = ${id}
mon_initial_members = a
mon_host = [v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]
keyring = ${folder}/keyring
public_network = 127.0.0.0/8
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = ${others}
ms_bind_port_max = ${others + 50}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 10000
run_dir = ${folder}
admin_socket = ${folder}/$name.asok
log_file = ${folder}/$name.log
pid_file =
debug_ms = 0
mon_data = ${folder}/mon
mon_data_avail_crit = 1
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_load_list = *
rgw_frontends = beast endpoint=127.0.0.1:${gateway}
rgw_dns_name = 127.0.0.1
rgw_crypt_require_ssl = false
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
rgw_run_sync_thread = false
`;
}
