/** A date as HTTP writes it (RFC 9110, section 5.6.7). `Date.parse()` alone finds one in nearly any text with a number. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Reads the date in a header field, as epoch milliseconds; undefined where there is none. */
export function httpDate(text: string | undefined): number | undefined {
  if (text === undefined || !HTTP_DATE.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
