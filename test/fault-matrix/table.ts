import type { Fault } from "../fault-proxy/fault.ts";
import { FAULTS } from "../fault-proxy/faults/index.ts";
import type { Cell, Outcome } from "./cell.ts";

/** The columns: where a fault is met, and for how long. */
export const COLUMNS: readonly (Pick<Cell, "place" | "isLasting"> & { readonly title: string })[] =
  [
    { title: "opening", place: "opening", isLasting: true },
    { title: "read, once", place: "demand", isLasting: false },
    { title: "read, lasting", place: "demand", isLasting: true },
    { title: "background, once", place: "background", isLasting: false },
    { title: "background, lasting", place: "background", isLasting: true },
  ];

/** The ways in which this cell may end. */
export function allowedIn(
  fault: Fault,
  { place, isLasting }: Pick<Cell, "place" | "isLasting">,
): readonly Outcome[] {
  const { lasting, once = [], opening = lasting, isHidden } = fault;
  if (place === "opening") return opening.length === 0 ? ["right"] : opening;
  if (isHidden) return ["right", "unnoticed"];
  if (!isLasting) return ["right", ...once];
  return lasting.length === 0 ? ["right"] : lasting;
}

/** What is wrong with how a cell has ended; undefined where it is as it has to be. */
export function judge(
  fault: Fault,
  column: Pick<Cell, "place" | "isLasting">,
  outcomes: ReadonlySet<Outcome>,
): string | undefined {
  const allowed = allowedIn(fault, column);
  const isWithin = [...outcomes].every((outcome) => allowed.includes(outcome));
  // What fails for good has to be seen failing: else the row says too much.
  const once = column.isLasting ? [] : (fault.once ?? []);
  const isSeen = once.length === 0 || [...outcomes].some((outcome) => outcome !== "right");
  if (isWithin && isSeen) return undefined;
  const where = `${fault.name}, ${column.place}, ${column.isLasting ? "lasting" : "once"}`;
  return `${where}: ended in ${[...outcomes].join(", ")}; to be ${allowed.join(", ")}`;
}

function cellText(fault: Fault, column: (typeof COLUMNS)[number]): string {
  const { place, isLasting } = column;
  const allowed = allowedIn(fault, column);
  if (place === "opening" && allowed[0] === "right") return "opens";
  if (allowed.includes("unnoticed")) return "**not noticed**";
  const codes = allowed.filter((outcome) => outcome !== "right").map((code) => `\`${code}\``);
  if (codes.length === 0) return "right";
  const text = codes.join(" or ");
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
