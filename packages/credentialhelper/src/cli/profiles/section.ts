/** A change of one section of an AWS configuration file. */
export interface SectionChange {
  /** The headers that name the section, in order of preference; the last is that of a new section. */
  readonly headers: readonly string[];
  /** The values of keys; undefined removes a key. */
  readonly values: ReadonlyMap<string, string | undefined>;
}

/**
 * Changes keys of one section of an INI file of the AWS SDKs, as `aws configure set` does: only the lines of these keys. All
 * other bytes stay as they are: comments, order, indentation, line ends, and other sections.
 *
 * This is no parser: the caller must check the result with one.
 *
 * @param text - the file in Latin-1, so that each byte is a character
 * @returns the changed file, in Latin-1
 */
export function changeSection(text: string, { headers, values }: SectionChange): string {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const end = lines[0]?.endsWith('\r\n') === true ? '\r\n' : '\n';
  const lineOf = ([key, value]: readonly [string, string]) => `${key} = ${bytesOf(value)}${end}`;
  const wanted = [...values].filter((pair): pair is [string, string] => pair[1] !== undefined);
  const begin = findHeader(lines, headers);
  if (begin === -1) {
    const section = [`[${bytesOf(headers.at(-1) ?? '')}]${end}`, ...wanted.map(lineOf)].join('');
    const before = withEnd(text, end);
    return before === '' || /\n\r?\n$/.test(before)
      ? before + section
      : `${before}${end}${section}`;
  }
  const next = lines.findIndex((line, index) => index > begin && headerOf(line) !== undefined);
  const section = lines.slice(begin, next === -1 ? undefined : next);
  const after = next === -1 ? [] : lines.slice(next);
  const found = new Set<string>();
  const kept = section.flatMap((line) => {
    const key = keyOf(line);
    if (key === undefined || !values.has(key)) return [line];
    found.add(key);
    const value = values.get(key);
    if (value === undefined) return [];
    const isSame = line.slice(line.indexOf('=') + 1).trim() === bytesOf(value);
    return [isSame ? line : lineOf([key, value])];
  });
  const last = kept.findLastIndex((line) => line.trim() !== '' && !isComment(line));
  const added = wanted.filter(([key]) => !found.has(key)).map(lineOf);
  if (added.length > 0) kept[last] = withEnd(kept[last] ?? '', end);
  return [
    ...lines.slice(0, begin),
    ...kept.slice(0, last + 1),
    ...added,
    ...kept.slice(last + 1),
    ...after,
  ].join('');
}

const bytesOf = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

const withEnd = (text: string, end: string) =>
  text === '' || text.endsWith('\n') ? text : text + end;

const isComment = (line: string) => /^\s*[#;]/.test(line);

function findHeader(lines: readonly string[], headers: readonly string[]): number {
  const normalized = lines.map(headerOf);
  for (const header of headers) {
    const index = normalized.indexOf(normalize(bytesOf(header)));
    if (index !== -1) return index;
  }
  return -1;
}

/** The header of a section: `[profile "my thing"]  # comment`. */
function headerOf(line: string): string | undefined {
  const [, header] = /^\s*\[(.*)\]\s*(?:[#;].*)?$/s.exec(line.trimEnd()) ?? [];
  return header === undefined ? undefined : normalize(header);
}

const normalize = (header: string) => header.trim().replace(/^([\w-]+)\s+(["']?)(.*)\2$/s, '$1 $3');

/** The key that a line sets; an indented line belongs to the key before it. */
function keyOf(line: string): string | undefined {
  return /^([^\s#;[=][^=]*?)\s*=/.exec(line)?.[1];
}
