import { type Channel, channel } from "node:diagnostics_channel";

/** A read by a user: `{ offset, length, local }`, in bytes; `local` when nothing was waited for. */
export const readChannel: Channel = channel("headwater:read");

/** A fetch that ended: `{ offset, length, class, landedCount, error }`. */
export const fetchChannel: Channel = channel("headwater:fetch");

/** A change of hydration: `{ state, error }`. */
export const hydrateChannel: Channel = channel("headwater:hydrate");
