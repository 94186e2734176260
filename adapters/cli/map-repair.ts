import { type MapRepair, repairMap } from "../file/index.ts";
import { EXIT } from "./exit-codes.ts";
import { listFindings } from "./map-check.ts";
import { printable } from "./printable.ts";

/** `headwater map --repair <file>`: what it refuses to do is thrown. */
export async function repair(file: string, discardLocal: boolean, json: boolean): Promise<number> {
  const done = await repairMap(file, { discardLocal });
  process.stdout.write(json ? `${JSON.stringify(asJson(file, done))}\n` : asText(done));
  return EXIT.done;
}

function asJson(file: string, { found, changes, ...unhydrated }: MapRepair): object {
  const { verdict, findings } = found;
  return { file, verdict, findings, changes, ...unhydrated };
}

function asText({ found, changes }: MapRepair): string {
  const lines = changes.map((change) => `${printable(change)}\n`);
  const nothing =
    found.verdict === "sound" ? "it is sound: nothing was changed" : "nothing was changed";
  return listFindings(found) + (lines.length > 0 ? lines.join("") : `${nothing}\n`);
}
