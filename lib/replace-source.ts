import { abortable } from "./abortable.ts";
import type { SourceDevice, SourceOpener } from "./device.ts";
import type { Engine } from "./engine.ts";
import { HeadwaterError } from "./errors.ts";

/** A device, and whether we opened it and so close it. */
export interface Opened {
  readonly device: SourceDevice;
  readonly isOurs: boolean;
}

/**
 * An abort ends it at once, whether or not the opener obeys it.
 *
 * @param known what is to be opened again, without asking its origin; else as it is now.
 */
export async function openSource(
  from: SourceDevice | SourceOpener,
  options: { known?: { size: number; identity: string }; signal?: AbortSignal },
): Promise<Opened> {
  if (!("open" in from)) return { device: from, isOurs: false };
  const opening = from.open(options);
  try {
    return { device: await abortable(opening, options.signal), isOurs: true };
  } catch (error) {
    const tooLate = (device: SourceDevice): Promise<void> => device.close();
    opening.then(tooLate).catch(() => {}); // nobody is left to be told
    throw error;
  }
}

/**
 * Puts another device in the source's place, unless none is needed any more.
 *
 * @param took called at the moment from which on it is used. Returns what is to be closed for it.
 * @throws {HeadwaterError} `SOURCE_CHANGED` when it is of another blob.
 */
export async function replaceSource(
  engine: Engine,
  to: SourceDevice | SourceOpener,
  signal: AbortSignal | undefined,
  took: (opened: Opened) => SourceDevice | undefined,
): Promise<void> {
  const { copy, source, hydration, fetcher } = engine;
  const { identity, sourceSize: size } = copy;
  const known = { identity, size };
  const { device, isOurs } = await openSource(to, { known, ...(signal && { signal }) });
  if (source === undefined || device.identity !== identity || device.size !== size) {
    if (isOurs) await device.close();
    if (source === undefined) return;
    throw new HeadwaterError(
      "SOURCE_CHANGED",
      `the copy is of ${identity}, ${size} bytes, and this source is ${device.identity}, ` +
        `${device.size} bytes`,
    );
  }
  hydration.hold(); // what breaks off now is nobody's failure
  source.replace(device);
  const before = took({ device, isOurs });
  await fetcher?.idle();
  hydration.release();
  hydration.tryAgain();
  await before?.close();
}
