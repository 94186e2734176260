/**
 * An HTTP origin in a process of its own, with every fault a server can have. Its options are the
 * first argument, as JSON; its ports are one JSON line on stdout. Orders come over IPC, and it ends
 * with the channel. Without a channel it runs until it is killed.
 */
import { Origin, type OriginOptions } from "./origin.ts";
import type { Rule } from "./rules.ts";

/** An order, and the number that its answer carries. */
export interface Order {
  readonly id: number;
  readonly name: "set" | "counts" | "connections" | "requests" | "reset";
  readonly path?: string;
  readonly rules?: readonly Rule[];
}

const origin = new Origin(JSON.parse(process.argv[2] ?? "{}") as OriginOptions);

function obey({ name, path, rules = [] }: Order): unknown {
  switch (name) {
    case "set":
      return origin.set(path ?? "/", rules);
    case "counts":
      return origin.counts(path);
    case "connections":
      return origin.connections;
    case "requests":
      return origin.requests(path ?? "/");
    case "reset":
      return origin.reset();
  }
}

process.on("message", (order: Order) => process.send?.({ id: order.id, result: obey(order) }));
process.on("disconnect", () => process.exit());
console.log(JSON.stringify({ ports: await origin.listen() }));
