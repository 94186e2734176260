/**
 * A proxy in a process of its own, before any server of plain HTTP, that does what goes wrong
 * between a server and its clients. Orders come over IPC, and it ends with the channel.
 */
import { Door } from "./door.ts";
import { faultNamed } from "./faults/index.ts";

/** What a door is to be, as it can be sent. */
export interface DoorRequest {
  /** The origin of the server behind. */
  readonly upstream: string;
  /** The name of a fault. Default none. */
  readonly fault?: string;
  readonly skip?: number;
  readonly times?: number;
  readonly seed?: number;
}

export type Order =
  | { readonly name: "open"; readonly door: DoorRequest }
  | { readonly name: "counts" | "shut"; readonly port: number };

const doors = new Map<number, Door>();

async function obey(order: Order): Promise<unknown> {
  if (order.name === "open") {
    const { fault, skip = 0, seed = 1, ...rest } = order.door;
    const known = fault === undefined ? undefined : faultNamed(fault);
    const door = new Door({ ...rest, fault: known, skip, seed });
    const port = await door.open();
    doors.set(port, door);
    return port;
  }
  const door = doors.get(order.port);
  if (order.name === "counts") return door?.counts;
  doors.delete(order.port);
  return door?.shut();
}

process.on("message", async (order: Order & { readonly id: number }) => {
  process.send?.({ id: order.id, result: await obey(order) });
});
process.on("disconnect", () => process.exit());
