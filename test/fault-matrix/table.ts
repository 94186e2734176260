import type { Fault } from "../fault-proxy/fault.ts";
import { FAULTS } from "../fault-proxy/faults/index.ts";
import type { Cell, Outcome } from "./cell.ts";
import type { SourceKind } from "./source-kinds.ts";

/** The columns: where a fault is met, and for how long. */
export const COLUMNS: readonly (Pick<Cell, "place" | "isLasting"> & { readonly title: string })[] =
  [
    { title: "opening", place: "opening", isLasting: true },
    { title: "read, once", place: "demand", isLasting: false },
    { title: "read, lasting", place: "demand", isLasting: true },
    { title: "background, once", place: "background", isLasting: false },
    { title: "background, lasting", place: "background", isLasting: true },
  ];

/** What decides how a cell may end. */
type Place = Pick<Cell, "place" | "isLasting" | "fault"> & {
  readonly kind?: Pick<SourceKind, "signs" | "verifies">;
};

/** The ways in which this cell may end. */
export function allowedIn({ fault, place, isLasting, kind = {} }: Place): readonly Outcome[] {
  const { lasting, once = [], opening = lasting, isHidden, isRefused } = fault;
  if (place === "opening") return opening.length === 0 ? ["right"] : opening;
  if (isHidden && !kind.verifies) return ["right", "unnoticed"];
  if (isHidden) return isLasting ? ["right", "DIGEST_MISMATCH"] : ["right"];
  if (!isLasting) return isRefused && kind.signs ? ["right"] : ["right", ...once];
  return lasting.length === 0 ? ["right"] : lasting;
}

/** What is wrong with how a cell has ended; undefined where it is as it has to be. */
export function judge(cell: Cell, outcomes: ReadonlySet<Outcome>): string | undefined {
  const allowed = allowedIn(cell);
  const isWithin = [...outcomes].every((outcome) => allowed.includes(outcome));
  // What fails for good has to be seen failing: else the row says too much.
  const fails = !cell.isLasting && allowed.length > 1 && !cell.fault.isHidden;
  const isSeen = !fails || [...outcomes].some((outcome) => outcome !== "right");
  if (isWithin && isSeen) return undefined;
  return `ended in ${[...outcomes].join(", ")}; to be ${allowed.join(", ")}`;
}

function cellText(fault: Fault, column: (typeof COLUMNS)[number]): string {
  const { place, isLasting } = column;
  const allowed = allowedIn({ fault, ...column });
  if (place === "opening" && allowed[0] === "right") return "opens";
  if (allowed.includes("unnoticed")) {
    const [, ...codes] = allowedIn({ fault, ...column, kind: { verifies: true } });
    const shown = codes.map((code) => ` or \`${code}\``).join("");
    return `**not noticed**; with a manifest right${shown}`;
  }
  const codes = allowed.filter((outcome) => outcome !== "right").map((code) => `\`${code}\``);
  if (codes.length === 0) return "right";
  const text = codes.join(" or ");
  if (!isLasting && fault.isRefused) return `${text}, then right; S3: right`;
  if (!isLasting) return `${text}, then right`;
  return allowed.includes("right") ? `right or ${text}` : text;
}

/** The tables of the page, as Markdown. */
export function tables(): string {
  return Object.entries(FAULTS)
    .map(([what, faults]) => {
      const titles = ["fault", "what happens", ...COLUMNS.map(({ title }) => title)];
      const rows = faults.map((fault) => [
        fault.name,
        fault.what,
        ...COLUMNS.map((column) => cellText(fault, column)),
      ]);
      const lines = [titles, titles.map(() => "---"), ...rows];
      return `## ${what}\n\n${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}\n`;
    })
    .join("\n");
}
