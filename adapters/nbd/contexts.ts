import type { NbdDevice } from "./export-table.ts";

/** A part of an export, with its flags in some context. */
export interface Extent {
  readonly length: number;
  readonly flags: number;
}

/** A metadata context: what block status can tell of an export. */
export interface Context {
  readonly name: string;
  /** What stands for it in the replies. */
  readonly id: number;
  /** Extents side by side from `offset`, which end at the end of the range or before it. */
  extents(device: NbdDevice, offset: number, length: number): Iterable<Extent>;
}

/** The flag of `x-headwater:state` for what is local. Without it, a read waits for the source. */
export const STATE_HYDRATED = 1;

/** Every context that there is, for every export. */
export const CONTEXTS: readonly Context[] = [
  {
    name: "base:allocation",
    id: 1,
    // What is not here yet is no hole: a client would take its content for undefined.
    extents: (_, __, length) => [{ length, flags: 0 }],
  },
  {
    name: "x-headwater:state",
    id: 2,
    *extents(device, offset, length): Generator<Extent> {
      for (const run of device.hydratedRuns(offset, length)) {
        yield { length: run.length, flags: run.hydrated ? STATE_HYDRATED : 0 };
      }
    },
  },
];

/** The contexts that a query names. In a list, `base:` names all of that kind. */
export function findContexts(query: string, inList: boolean): readonly Context[] {
  return CONTEXTS.filter(
    ({ name }) => name === query || (inList && query.endsWith(":") && name.startsWith(query)),
  );
}
