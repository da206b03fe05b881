import { useEffect, useState } from 'preact/hooks';
import { CallError, call } from './call.ts';

/** The state of a control request. */
export interface Answer<T> {
  /** The latest response; undefined before the first, and after a failure. */
  readonly value: T | undefined;
  readonly error: CallError | undefined;
  /** Sends the request again. */
  readonly reload: () => void;
}

/**
 * Sends a request whenever its path or body changes: GET, or POST with a body. A response that is late is ignored.
 */
export function useAnswer<T>(path: string, input?: object): Answer<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<Omit<Answer<T>, 'reload'> & { readonly key?: string }>({
    value: undefined,
    error: undefined,
  });
  const body = input && JSON.stringify(input);
  const key = `${path} ${body}`;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    call<T>(path, { signal, ...(body !== undefined && { method: 'POST', body }) }).then(
      (value) => setState({ value, error: undefined, key }),
      (error: unknown) => {
        if (signal.aborted) return;
        const known = error instanceof CallError ? error : new CallError(0, String(error));
        setState({ value: undefined, error: known, key });
      },
    );
    return () => controller.abort();
  }, [key, round]);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : undefined,
    error: isCurrent ? state.error : undefined,
    reload: () => setRound((before) => before + 1),
  };
}
