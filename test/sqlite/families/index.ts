import { changes } from "./changes.ts";
import { dates } from "./dates.ts";
import { allDefinitions } from "./definitions.ts";
import { expressions } from "./expressions.ts";
import type { Family } from "./family.ts";
import { json } from "./json.ts";
import { queries } from "./queries.ts";
import { texts } from "./texts.ts";
import { windowsAndTables } from "./windows.ts";

export { TABLES } from "./tables.ts";
export type { Family };

/** Those that leave the database as it is come first. */
export const families: readonly Family[] = [
  ...expressions,
  ...texts,
  ...dates,
  ...json,
  ...queries,
  ...windowsAndTables,
  ...changes,
  ...allDefinitions,
];
