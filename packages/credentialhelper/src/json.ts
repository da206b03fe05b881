/**
 * Parses JSON; undefined where it is none. The parser's own error is dropped on purpose: it quotes the text, which may
 * hold a part of the credentials.
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with members: no array, not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
