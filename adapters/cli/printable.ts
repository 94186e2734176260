/** Control and format characters, line separators, lone surrogates: all a terminal may obey. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * The text on one line, with every character that could steer a terminal, or turn the direction of
 * the text, shown as its number. Whatever a stranger may have named goes through here.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) => {
    const number = character.codePointAt(0) ?? 0;
    return `\\u{${number.toString(16)}}`;
  });
}

/** A URL as it may be shown: without user, password, query and fragment, which may be secrets. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return printable(url.replace(/[?#].*$/s, ""));
  const { protocol, host, pathname } = new URL(url);
  return printable(`${protocol}//${host}${pathname}`);
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;
const COMBINING = /\p{M}/u;

/** How many columns of a terminal the text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfOne(character);
  return columns;
}

/** As much of the text as fits, with an ellipsis where something was left out. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = "";
  let used = 1; // the ellipsis
  for (const character of text) {
    used += columnsOfOne(character);
    if (used > columns) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : "";
}

function columnsOfOne(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
