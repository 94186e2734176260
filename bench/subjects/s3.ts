import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type CopyCost, type CopyOrder, copyInChild } from "../copy-cost.ts";
import { BLOB_SIZE, primeMemory, sameBytes, withTarget } from "../files.ts";
import { inTurns, median, type Pair, summary } from "../measure.ts";
import { nginxVersion, startNginx } from "../peers.ts";
import { type Bench, duration, GIB, type Report, type Row, type Subject } from "../report.ts";

const ROUNDS = 7;
const SDK_ROUNDS = 3;
const BUCKET = "bucket";

/** nginx serves a folder as a store serves a bucket: it looks at no signature. */
function environment(endpoint: string): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "bench",
    AWS_SECRET_ACCESS_KEY: "bench",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  });
}

interface Costs {
  readonly pairs: readonly Pair[];
  readonly ours: readonly CopyCost[];
  readonly theirs: readonly CopyCost[];
}

async function compare(
  bench: Bench,
  rounds: number,
  one: Omit<CopyOrder, "way" | "path">,
  other: Omit<CopyOrder, "way" | "path">,
): Promise<Costs> {
  const costs: { ours: CopyCost[]; theirs: CopyCost[] } = { ours: [], theirs: [] };
  const copy = async (order: typeof one, kept: CopyCost[]): Promise<number> => {
    await primeMemory(bench.folder, BLOB_SIZE);
    return await withTarget(bench.folder, async (path) => {
      const cost = await copyInChild({ way: "headwater", path, ...order });
      if (!(await sameBytes(path, bench.blob, BLOB_SIZE))) throw new Error("the copy is not equal");
      kept.push(cost);
      return cost.seconds;
    });
  };
  const pairs = await inTurns(
    rounds,
    () => copy(one, costs.ours),
    () => copy(other, costs.theirs),
  );
  return { pairs, ...costs };
}

function timeRow(what: string, { pairs }: Costs, target: number | undefined): Row {
  const { ours, theirs, ratio } = summary(pairs);
  return {
    ...{ what, ours: duration(ours), theirs: `the HTTP source: ${duration(theirs)}` },
    ...{ figure: ratio, target },
  };
}

function processorRow(what: string, { ours, theirs }: Costs): Row {
  const own = median(ours.map(({ cpuSeconds }) => cpuSeconds));
  const other = median(theirs.map(({ cpuSeconds }) => cpuSeconds));
  return {
    ...{ what, ours: duration(own), theirs: `the HTTP source: ${duration(other)}` },
    ...{ figure: own / other, target: undefined },
  };
}

/** What it costs that a blob is in S3, and not just on a web server. */
export const s3Subject: Subject = {
  letter: "q",
  title: "1 GiB from S3 into a file",

  async run(bench): Promise<Report> {
    const name = nginxVersion();
    if (name === undefined) return { rows: [], notes: ["Not measured: nginx is not installed."] };
    const served = join(bench.folder, "s3");
    await mkdir(join(served, BUCKET), { recursive: true });
    await symlink(bench.blob, join(served, BUCKET, "blob.bin"));
    await using server = await startNginx(bench.folder, served);
    environment(server.base);
    const s3 = { url: `s3://${BUCKET}/blob.bin` };
    const http = { url: `${server.base}/${BUCKET}/blob.bin` };
    const signed = await compare(bench, ROUNDS, s3, http);
    const bySdk = await compare(bench, SDK_ROUNDS, { ...s3, transport: "sdk" }, http);
    const worst = (costs: readonly CopyCost[]): number =>
      Math.max(...costs.map((cost) => cost.requests));
    const requests = worst(signed.ours);
    const sdkSeconds = median(signed.ours.map((cost) => cost.sdkSeconds));
    return {
      rows: [
        timeRow("1 GiB by signed URLs", signed, 1.1),
        processorRow("1 GiB by signed URLs: processor time", signed),
        {
          what: "GETs for 1 GiB (worst round)",
          ours: `${requests}`,
          theirs: `the HTTP source: ${worst(signed.theirs)}`,
          figure: (requests * GIB) / BLOB_SIZE,
          target: 140,
        },
        timeRow('1 GiB with `transport: "sdk"`', bySdk, undefined),
        processorRow('1 GiB with `transport: "sdk"`: processor time', bySdk),
      ],
      notes: [
        `${ROUNDS} rounds in turns (${SDK_ROUNDS} of the SDK's) from the same ${name}, which serves a ` +
          "folder as a store serves a bucket. From `hydrate()` until `hydrated()` resolves, in a new " +
          "process, the start of which is not counted. Nor is what the first S3 source of a process " +
          `costs, which loads the AWS SDK: ${duration(sdkSeconds)}.`,
      ],
    };
  },
};
