import type { Test } from "uvu";
import { makeFolder } from "./cli-command.ts";
import { type OriginClient, startOrigin } from "./origin/client.ts";

/** What each test of the command has for itself. */
export interface CommandContext {
  origin: OriginClient;
  folder: ReturnType<typeof makeFolder>;
  /** Of a blob with the seed 7. */
  url: string;
}

/**
 * Has each test of a suite begin with an origin, a folder and a blob of its own.
 *
 * @param query of the blob's URL besides its size and its seed.
 */
export function giveContext(test: Test<CommandContext>, size: number, query = ""): void {
  test.before.each(async (context) => {
    context.origin = await startOrigin();
    context.folder = makeFolder();
    context.url = context.origin.url(`/blob?size=${size}&seed=7${query}`);
  });
  test.after.each(async ({ origin, folder }) => {
    await origin.close();
    folder.remove();
  });
}
