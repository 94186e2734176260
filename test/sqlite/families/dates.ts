import { type Family, ordered, pairs, typed } from "./family.ts";

const TIMES = [
  ...["'2024-02-29'", "'2023-12-31 23:59:59.999'", "'2000-01-01T00:00:00Z'", "'12:30'"],
  ...["2460000.5", "0", "1700000000", "'-0004-01-01'", "'2024-13-01'", "'nonsense'", "null"],
  ...["'2024-03-10 10:20:30+02:00'", "'9999-12-31'", "1.5e10", "x'323032342d30312d3031'"],
];
const MODIFIERS = [
  ...["'+1 day'", "'-1 month'", "'+1 year'", "'+1.5 hours'", "'-90 seconds'", "'start of month'"],
  ...["'start of year'", "'start of day'", "'weekday 0'", "'weekday 3'", "'unixepoch'", "'auto'"],
  ...["'julianday'", "'subsec'", "'ceiling'", "'floor'", "'+0001-02-03'", "'-12:30'", "'bad'"],
  ...["'utc'", "'localtime'"],
];
const FUNCTIONS = ["date", "time", "datetime", "julianday", "unixepoch"];
const FORMATS = [
  ...["%d", "%e", "%f", "%F", "%G", "%g", "%H", "%I", "%j", "%J", "%k", "%l", "%m", "%M", "%p"],
  ...["%P", "%R", "%s", "%S", "%T", "%u", "%U", "%V", "%w", "%W", "%Y", "%%", "%Y-%m-%d %x", "a"],
];

/** Without the zone of the machine, which the WebAssembly build does not know. */
const ofAnyZone = MODIFIERS.filter((modifier) => !/utc|localtime/.test(modifier));

const times: Family = {
  name: "dates",
  steps: ordered([
    ...pairs(pairs(FUNCTIONS, TIMES), ["", ...ofAnyZone]).map(
      ([[call, time], modifier]) =>
        `select ${typed(`${call}(${time}${modifier === "" ? "" : `, ${modifier}`})`)}`,
    ),
    ...pairs(FORMATS, TIMES).map(([format, time]) => `select strftime('${format}', ${time}) as v`),
    ...pairs(TIMES, TIMES).map(([one, other]) => `select timediff(${one}, ${other}) as v`),
    ...pairs(FUNCTIONS, ofAnyZone).map(
      ([call, modifier]) => `select id, ${call}(day, ${modifier}, '-1 day') as v from orders
        order by id`,
    ),
  ]),
};

export const dates: readonly Family[] = [times];
