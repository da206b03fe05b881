import { dropToken, readToken } from './token.ts';

/** A control request that failed. */
export class CallError extends Error {
  /** The HTTP status; 0 if the emulator did not respond. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The event of the window when the emulator rejects the control token. */
export const TOKEN_REJECTED = 'token-rejected';

/**
 * Sends a control request.
 *
 * @param path - below `/_emulator/`
 * @throws {@link CallError} (as a rejection)
 */
export async function open(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`/_emulator/${path}`, {
    ...init,
    // What was entered may have characters that a header cannot have.
    headers: { authorization: `Bearer ${encodeURIComponent(readToken() ?? '')}` },
  }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new CallError(0, 'The emulator does not respond.');
  });
  if (response.ok) return response;
  if (response.status === 401) {
    dropToken();
    window.dispatchEvent(new Event(TOKEN_REJECTED));
  }
  const { message } = (await response.json().catch(() => ({}))) as { message?: string };
  throw new CallError(
    response.status,
    message ?? `The emulator responded with ${response.status}.`,
  );
}

/** Sends a control request, and returns its response, parsed: see {@link open}. */
export async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  return (await (await open(path, init)).json()) as T;
}

/** Returns a path with the parameters that have a value. */
export function withQuery(path: string, parameters: Record<string, string | number | undefined>) {
  const entries = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries)}`;
}
