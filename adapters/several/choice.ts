import type { Member } from "./member.ts";

/**
 * In which order sources are asked.
 *
 * - "given": the first that works, in the order in which they were given.
 * - "measured": the one that will be the fastest by what it took lately. One of which nothing is
 *   known gets its turn in the background.
 */
export type SourceOrder = "given" | "measured";

/**
 * The one to ask now; undefined where each was asked, or can never be asked again. One that failed
 * a while ago comes after all that work.
 */
export function choose(
  members: readonly Member[],
  asked: ReadonlySet<Member>,
  order: SourceOrder,
  request: { readonly length: number; readonly isUrgent: boolean },
): Member | undefined {
  const now = performance.now();
  const left = members.filter((member) => !asked.has(member) && member.lost === undefined);
  const ready = left.filter((member) => member.restsUntil <= now);
  if (ready.length === 0) {
    return left.sort((one, other) => one.restsUntil - other.restsUntil)[0];
  }
  if (order === "given") return ready[0];
  const unknown = request.isUrgent ? Number.POSITIVE_INFINITY : 0;
  const expected = (member: Member): number => member.pace.expectMs(request.length) ?? unknown;
  return ready.reduce((best, member) => (expected(member) < expected(best) ? member : best));
}
