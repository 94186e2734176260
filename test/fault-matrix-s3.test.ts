import { suite } from "uvu";
import { SIZE } from "./fault-matrix/cell.ts";
import { runMatrix } from "./fault-matrix/matrix.ts";
import { s3Kind } from "./fault-matrix/source-kinds.ts";
import { startFaultProxy } from "./fault-proxy/client.ts";
import { FAULTS } from "./fault-proxy/faults/index.ts";

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
const kind = await s3Kind(SIZE);
const test = suite("fault matrix of S3");
if (kind === undefined) test("is skipped", () => {});
else {
  const proxy = startFaultProxy();

  test.after(async () => {
    await proxy[Symbol.asyncDispose]();
    await kind[Symbol.asyncDispose]();
  });

  test("S3: each fault ends in right bytes or the named error, in time", async () => {
    await runMatrix(proxy, kind, Object.values(FAULTS).flat());
  });
}

test.run();
