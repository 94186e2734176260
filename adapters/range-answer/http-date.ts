/** The two forms in GMT, of which only the first is still sent, and that of C's asctime. */
const WITH_ZONE: RegExp =
  /^[A-Z][a-z]+, (?:\d\d [A-Z][a-z]{2} \d{4}|\d\d-[A-Z][a-z]{2}-\d\d) \S+ GMT$/;
const ASCTIME: RegExp = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** An HTTP-date (RFC 9110 section 5.6.7) in milliseconds; undefined where it is none. */
export function parseHttpDate(text: string): number | undefined {
  const isDate = WITH_ZONE.test(text) || ASCTIME.test(text);
  const time = isDate ? Date.parse(text.replace(/(?: GMT)?$/, " GMT")) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
